"""The watchdog's round: look for what is wrong, start missing runs at gates, tell the office, send the heartbeat."""

import asyncio
import dataclasses
import datetime as dt
import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from adapters import clock
from adapters.channels.addresses import Address, address_in
from adapters.channels.types import Labels, Outcome, Post, Receipt
from adapters.database.sessions import read_session
from adapters.language import N_, Language
from adapters.monitoring import heartbeat
from adapters.prefect_server import prefect_api
from adapters.prefect_server.prefect_api import PrefectUnreachableError
from adapters.settings import settings
from models.common.errors import NotFoundError, Reason
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.dates.quiet_hours import QuietHours, opens_at
from models.delivery.letter import RenderedLetter
from models.monitoring import alerts
from models.monitoring.alerts import Alert
from models.monitoring.telling import KEY, TELL_AGAIN, Telling, is_news, key_of, record_telling
from models.outbox.message import AttemptOutcome
from models.permissions import Act, require
from models.plan.phase import RunName, phases_of, run_names
from models.plan.plan import Plan, plan_codes
from models.plan.unit import body_of
from rendering.watchdog_text import alerts_letter, blind_letter, sees_again_letter
from services import gates
from services.letters.addresses import address_alerts
from services.monitoring import seals
from services.scope import PROGRAM, Scope, by_program

FLOWS = ("launch", "implementation", "acceptance", "patrol", "watchdog", "bulletin")
LOST = dt.timedelta(hours=2)  # no run takes so long: one that gives no sign of its end by then has crashed
_NOT_TOLD = N_("the office could not be told by the second channel: {why}")


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """What one round found, by plan. `notes` say what kept it from telling the office or sending the heartbeat."""

    at: dt.datetime
    alerts: dict[str, list[Alert]]
    notes: list[Reason]

    @property
    def all_is_well(self) -> bool:
        return not any(self.alerts.values())


def watch_over(plans: Sequence[str] = (), on: dt.date | None = None) -> Watched:
    """Seal the journal, check these plans, or all, and tell the office. One that cannot be checked keeps no other back.

    `on`: as at the end of that day's patrols; as of now when it is None or today. Raises NotFoundError for a plan that
    was named and does not exist.
    """
    with blindness_is_told():
        seals.seal_journal(Actor(PROGRAM), clock.now())
        lost = _end_lost_runs()
        codes = plans or plans_watched()
        found = {plan: _seen(by_program(plan), on) for plan in codes}
        strays = _end_stray_runs(codes)
        told = [tell(by_program(plan), listed) for plan, listed in found.items()]
        notes = [lost, strays, *told, _tell_that_it_sees_again()]
    missed = heartbeat.beat(all_is_well=not any(found.values()))
    return Watched(clock.now(), found, list({note.template: note for note in (*notes, missed) if note}.values()))


@contextmanager
def blindness_is_told() -> Iterator[None]:
    """Where checking itself fails, as without a database, the heartbeat says so and the office is told once a day."""
    try:
        yield
    except BaseException as error:
        heartbeat.beat(all_is_well=False)
        if isinstance(error, Exception) and not isinstance(error, NotFoundError):
            _tell_that_it_is_blind(error)
        raise


def _tell_that_it_is_blind(error: Exception) -> None:
    """That it was told is kept in a file, as there may be no database. Never raises, so that the error is not lost."""
    mark, now = _mark(), clock.now()
    with suppress(OSError, ValueError):
        if now - dt.datetime.fromisoformat(mark.read_text(encoding="ascii")) < TELL_AGAIN:
            return
    hindrance = _say(blind_letter(error, _language()))
    if hindrance:
        error.add_note(_language().say(hindrance))
        return
    with suppress(OSError):  # without the file it is told again the next time
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(now.isoformat(), encoding="ascii")


def _tell_that_it_sees_again() -> Reason | None:
    mark = _mark()
    if not mark.exists():
        return None
    hindrance = _say(sees_again_letter(_language()))
    if not hindrance:
        mark.unlink(missing_ok=True)
    return hindrance


def _language() -> Language:
    return Language.of(settings().language)


def _mark() -> Path:
    return settings().data_dir / "watchdog-is-blind"


def _say(letter: RenderedLetter) -> Reason | None:
    """Send a letter by the second channel, without a database; returns why it could not be sent, or None."""
    address = _second_channel()
    if not isinstance(address, Address):
        return address
    receipt = asyncio.run(_sent(address, Post(f"{KEY}blind", letter.subject, letter.body)))
    return None if receipt.outcome is Outcome.SENT else Reason(_NOT_TOLD, why=receipt.detail)


def _second_channel() -> Address | Reason:
    """The address of the second channel, or why there is none."""
    secret = settings().watchdog_address
    if secret is None:
        return Reason("the office is not told by a second channel: DUBAN_WATCHDOG_ADDRESS is not set")
    address = address_in(secret.get_secret_value().strip())
    if address is None or address.kind == "mailbox":
        return Reason("DUBAN_WATCHDOG_ADDRESS is no address such as slack:C0123ABC or dingtalk://…")
    return address


def plans_watched() -> list[str]:
    """Codes of all plans."""
    with read_session() as session:
        return plan_codes(session)


def _seen(scope: Scope, on: dt.date | None) -> list[Alert]:
    try:
        return look(scope, on)
    except NotFoundError:  # somebody named a plan that does not exist
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is: it is an alert, and the others are looked after
        return [alerts.unseen(error)]


def look(scope: Scope, on: dt.date | None = None) -> list[Alert]:
    """All that is wrong with a plan. Starts a run at each gate at which none waits."""
    with scope.open() as (session, plan):
        require(session, plan, Act.WATCH, scope.actor)
        may_leave = functools.partial(_may_leave, plan)
        found = alerts.alerts(session, plan, at=_instant(plan, scope.at, on), may_leave=may_leave)
        found += address_alerts(session, plan)
        found += alerts.clock_alerts(session, plan, now=clock.now())
        phases = phases_of(session, plan)
        waiting = [(gate, run_names(gate.phase, phases)) for gate in alerts.open_gates(session, plan)]
    return [*found, *_at_gates(plan, waiting)]


def _end_lost_runs() -> Reason | None:
    """Mark runs as crashed that ended without a sign. That Prefect does not answer is reported with the gates."""
    try:
        ended = prefect_api.end_lost_runs(FLOWS, LOST)
    except PrefectUnreachableError:
        return None
    if not ended:
        return None
    return Reason(
        "{count} runs gave no sign of their end and are marked as crashed: {runs}",
        count=len(ended),
        runs=ended[: alerts.MAX_NAMED],
    )


def _end_stray_runs(plans: Sequence[str]) -> Reason | None:
    """End runs that no answer concerns any more. What keeps it from that is an alert already, see `_seen`."""
    ended = 0
    for plan in plans:
        with suppress(Exception):
            ended += gates.end_stray_runs(by_program(plan))
    if not ended:
        return None
    return Reason("{count} runs stood at gates that do not wait for them, and were ended", count=ended)


def _instant(plan: Plan, now: dt.datetime, on: dt.date | None) -> dt.datetime:
    return now if on in {None, plan.day_of(now)} else alerts.day_is_over(on or plan.day_of(now), plan.timezone)


def _may_leave(plan: Plan, at: dt.datetime) -> bool:
    return opens_at(at, plan.timezone, plan.work_calendar, QuietHours.read(settings().quiet_hours)) <= at


def _at_gates(plan: Plan, waiting: Sequence[tuple[alerts.OpenGate, frozenset[RunName]]]) -> list[Alert]:
    found = []
    try:
        for gate, names in waiting:
            kind = gate.phase.kind.value
            if not prefect_api.run_at_gate(plan.code, kind, names, gate.rounds):
                # Safe even if another run is on its way: a phase that is open is not opened again.
                run_id = prefect_api.start_phase(plan.code, kind, *gate.phase.run_name)
                found.append(alerts.no_run(gate, settings().run_address(run_id)))
    except PrefectUnreachableError as error:
        found.append(alerts.no_prefect(error))
    return found


def tell(scope: Scope, found: Sequence[Alert]) -> Reason | None:
    """Tell the office what was found, or that all is well again. Returns why it could not be told, None if it was.

    The same list is told once a day; what was told last is read from the attempts.
    """
    address = _second_channel()
    if not isinstance(address, Address):
        return address if found or settings().watchdog_address else None
    with scope.open() as (session, plan):
        require(session, plan, Act.WATCH, scope.actor)
        office = body_of(session, plan.id, UnitKind.OFFICE)
        if not is_news(session, office, found, scope.at):
            return None
        letter = alerts_letter(plan, found, scope.at, _language())
    post = Post(key_of(found), letter.subject, letter.body, labels=Labels.of(_language()))
    receipt = asyncio.run(_sent(address, post))
    sent = Telling(address.kind, AttemptOutcome(receipt.outcome.value), receipt.detail, letter.subject, letter.body)
    with scope.open() as (session, _plan):
        record_telling(session, office, found, sent, at=scope.at)
    if receipt.outcome is Outcome.SENT:
        return None
    return Reason(_NOT_TOLD, why=receipt.detail)


async def _sent(address: Address, post: Post) -> Receipt:
    from adapters.channels.registry import Channels  # noqa: PLC0415  (there is seldom something to tell, and its clients take a while to import)

    async with Channels.from_settings(settings()) as channels:
        return await channels.send(address, post)
