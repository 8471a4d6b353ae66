"""How far a rehearsal is: a progress bar in a terminal, and elsewhere a plain line every ten seconds."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from adapters.database.sessions import read_session
from adapters.language import Language
from adapters.settings import settings
from deploy.rehearsal import play as rehearsal
from models.common.event import EventKind
from models.common.status import Status
from models.plan.document import PlanDocument
from models.plan.plan import plan_of
from models.queries.statistics import entries_by_kind, moves_by_status

language = Language.of(settings().language)
_ = language.gettext
LINE_EVERY_S = 10


@contextmanager
def shown_progress(document: PlanDocument, console: Console) -> Iterator[rehearsal.Progress]:
    """The function that a rehearsal calls after each day of the plan."""
    if console.is_terminal:
        with _bar(console) as progress:
            yield progress
    else:
        console.print(_("starting the stack"))
        yield Lines(document.code, lambda line: console.print(line, soft_wrap=True, highlight=False))


@contextmanager
def _bar(console: Console) -> Iterator[rehearsal.Progress]:
    """A progress bar over the days of the plan; before the first day it says that the stack is starting."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(_("starting the stack"), total=None)

        def progress(first: dt.date, last: dt.date, day: dt.date) -> None:
            bar.update(task, description=day.isoformat(), total=(last - first).days, completed=(day - first).days)

        yield progress


class Lines:
    """Prints which day is reached and what was done so far, at most every ten seconds."""

    def __init__(self, plan: str, say: Callable[[str], None], seconds: Callable[[], float] = time.monotonic) -> None:
        self._plan, self._say, self._seconds = plan, say, seconds
        self._last = seconds()

    def __call__(self, _first: dt.date, last: dt.date, day: dt.date) -> None:
        if self._seconds() - self._last < LINE_EVERY_S:
            return
        self._last = self._seconds()
        self._say(self._line(last, day))

    def _line(self, last: dt.date, day: dt.date) -> str:
        with read_session() as session:
            plan = plan_of(session, self._plan)
            moves, entries = moves_by_status(session, plan), entries_by_kind(session, plan)
        said = _("{day}, until {last}: {issued} issued, {submitted} handed in, {accepted} accepted, {steps} reminders")
        return said.format(
            day=day,
            last=last,
            issued=moves.get(Status.ISSUED, 0),
            submitted=moves.get(Status.SUBMITTED, 0),
            accepted=moves.get(Status.ACCEPTED, 0),
            steps=entries.get(EventKind.ESCALATED, 0),
        )
