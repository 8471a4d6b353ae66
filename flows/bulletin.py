"""Bulletin (督查通报): drafted each month for the month that ended, and on demand."""

from prefect import flow

from adapters.program import version
from models.common.errors import RefusedError
from services.bulletins import BulletinState
from tasks import publish
from tasks.bulletin import bulletins_due, last_month, make_bulletin


@flow(name="bulletin", version=version(), flow_run_name="bulletin")
def bulletin(plan: str | None = None, period: str = "", correct: bool = False) -> list[BulletinState]:  # noqa: FBT001, FBT002  (a form's box)
    """督查通报:起草,由办公室修改、印发。可以重复运行。

    Drafts the bulletin; the office edits and releases it in the portal or with `duban bulletin release`.

    Args:
        plan: 方案代码,不填即全部正在实施的方案 the plan's code; all plans at work when empty
        period: 期次,如 2023-03 或 2023 a month or a year; the month that ended when empty
        correct: 更正已印发的通报 draft a version in place of the one released
    """
    if plan is None and period:
        raise RefusedError("a period needs the plan whose bulletin it is")
    wanted = [(plan, period or last_month(plan))] if plan else bulletins_due()
    done = []
    for code, of in wanted:
        made = make_bulletin(code, of, correct=correct)
        publish.publish_bulletin(code, made.id)
        done.append(made)
    return done
