"""Draft a bulletin, and show it in the Prefect UI."""

import dataclasses
import datetime as dt

from prefect import task
from prefect.artifacts import create_markdown_artifact
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import retrying_transaction
from adapters.language import Language
from adapters.settings import settings
from models.bulletins.bulletin import bulletin_at, is_to_be_made, month_before
from models.plan.plan import plan_codes, plan_of
from rendering import bulletin_files
from rendering import bulletin_text as bulletins
from rendering.artifacts import key_of
from tasks.options import OPTIONS
from tasks.runs import this_run


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """A bulletin that there is now. `status`: draft or released."""

    id: int
    ref: str
    status: str
    as_of: dt.date


@task(name="bulletins-due", **OPTIONS)
def bulletins_due() -> list[tuple[str, str]]:
    """Plans at work and the month that has ended, where today is a day on which its bulletin is made."""

    def look(session: Session) -> list[tuple[str, str]]:
        now, found = clock.now(), []
        for code in plan_codes(session):
            plan = plan_of(session, code)
            if is_to_be_made(session, plan, now):
                found.append((code, month_before(plan.day_of(now))))
        return found

    return retrying_transaction(look)


def last_month(plan: str) -> str:
    """The month that has ended, by the plan's own clock."""
    return retrying_transaction(lambda session: month_before(plan_of(session, plan).day_of(clock.now())))


@task(name="make-bulletin", task_run_name="make-bulletin {plan} {period}", **OPTIONS)
def make_bulletin(plan: str, period: str, *, correct: bool = False) -> Made:
    """Draft it, or bring the draft up to date. Done again it changes nothing."""

    def make(session: Session) -> Made:
        row = plan_of(session, plan)
        made = bulletins.make(session, row, period, actor=this_run(plan).actor, at=clock.now(), correct=correct)
        return Made(made.id, made.ref, made.status.value, made.as_of)

    return retrying_transaction(make)


def publish_bulletin(plan: str, made: Made) -> None:
    """Show it with this run. Not a task run of its own: the artifact would belong to that."""

    def write(session: Session) -> str:
        row = plan_of(session, plan)
        bulletin = bulletin_at(session, row, made.id, drafts=True)
        return bulletin_files.markdown(session, row, bulletin, Language.of(settings().language))

    page = f"{settings().portal_address}/bulletins/{made.id}"
    status = {"draft": "待办公室修改、印发 draft", "released": "已印发 released"}[made.status]
    create_markdown_artifact(
        retrying_transaction(write),
        key=key_of("bulletin", plan),
        description=f"{made.ref} · {made.as_of} · [{status}]({page})",
    )
