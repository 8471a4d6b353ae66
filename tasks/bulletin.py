"""Draft a bulletin, and show it in the Prefect UI."""

from prefect import task
from prefect.artifacts import create_markdown_artifact

from adapters import clock
from adapters.language import Language
from adapters.settings import settings
from models.bulletins.bulletin import BulletinStatus
from rendering.artifacts import key_of
from rendering.labels import BULLETIN_STATES
from services import bulletins
from services.bulletins import BulletinState
from tasks.options import OPTIONS
from tasks.runs import this_run


@task(name="bulletins-due", **OPTIONS)
def bulletins_due() -> list[tuple[str, str]]:
    """The plans whose bulletin of last month is to be made today, each with that month."""
    return bulletins.due(clock.now())


def last_month(plan: str) -> str:
    """The month that has ended, by the plan's own clock."""
    return bulletins.last_month(plan, clock.now())


@task(name="make-bulletin", task_run_name="make-bulletin {plan} {period}", **OPTIONS)
def make_bulletin(plan: str, period: str, *, correct: bool = False) -> BulletinState:
    """Draft it, or bring the draft up to date. Done again it changes nothing."""
    return bulletins.make(this_run(plan), period, correct=correct)


def publish_bulletin(plan: str, made: BulletinState) -> None:
    """Show the bulletin with this flow run. Not a task, as the artifact would then belong to the task run."""
    language = Language.of(settings().language)
    page = f"{settings().portal_address}/bulletins/{made.id}"
    status = language.gettext(BULLETIN_STATES[BulletinStatus(made.status)])
    create_markdown_artifact(
        bulletins.markdown_of(plan, made.id, language),
        key=key_of("bulletin", plan),
        description=f"{made.ref} · {made.as_of} · [{status}]({page})",
    )
