"""The root of the command line: lists the commands, loads each only when it is used, and prints errors."""

import importlib
from collections.abc import Sequence

import click

from adapters.language import N_
from adapters.settings import settings
from deploy.cli.base import _, language, tell_problem
from models.common.errors import DubanError

MAX_PROBLEMS_SHOWN = 100  # of one plan: the same mistake may occur a thousand times

# The module and the purpose of each command, so that `duban --help` need import none of them.
COMMANDS = {
    "plan": ("plans.plan", N_("Plans: check, load, show.")),
    "units": ("plans.plan", N_("The units of a plan, with their codes.")),
    "phase": ("plans.phase", N_("Phases: list, start, decide at the gate.")),
    "status": ("items.status", N_("How things stand, on any day.")),
    "board": ("items.board", N_("Units against areas, with the lights of any day.")),
    "score": ("plans.score", N_("Result scores of the units over a period, and the items behind them.")),
    "sign": ("items.work", N_("Sign for assignments.")),
    "submit": ("items.work", N_("Hand in evidence for one or several assignments.")),
    "review": ("items.work", N_("Accept or return what was handed in.")),
    "opinion": ("items.work", N_("As co-lead, agree to what was handed in, or object.")),
    "extend": ("items.work", N_("Ask for more time, or decide on such a request.")),
    "explain": ("items.dialogue", N_("Say why an item is late, and until when it is promised.")),
    "promises": ("items.dialogue", N_("What units promised, and what they did not keep.")),
    "press": ("items.dialogue", N_("Write to the units in the office's own words, one letter each.")),
    "contact": ("items.dialogue", N_("Note a call, a visit or what follows about items.")),
    "contacts": ("items.dialogue", N_("What passed between the office and a unit about an item.")),
    "waive": ("items.work", N_("No longer ask for assignments.")),
    "withdraw": ("items.corrections", N_("Take back what was handed in and nobody has reviewed.")),
    "reopen": ("items.corrections", N_("Take an acceptance back, so that it is reviewed anew.")),
    "restore": ("items.corrections", N_("Take a waiver back.")),
    "show": ("items.record", N_("An assignment with all that happened to it.")),
    "files": ("items.record", N_("Download what was handed in for an assignment.")),
    "mailbox": ("operation.letters", N_("The letters that a unit was sent, newest last.")),
    "dead": ("operation.letters", N_("Notices that were given up; mended, they can be tried again.")),
    "attention": (
        "operation.letters",
        N_("Assignments that the patrol cannot follow; mended, they are given back to it."),
    ),
    "bulletin": ("plans.bulletin", N_("Bulletins: make, edit, release, show, list.")),
    "acceptance": ("plans.acceptance", N_("The acceptance: show, decide, report, commend.")),
    "accept": ("plans.acceptance", N_("Accept measures, safeguards or targets for the panel.")),
    "watchdog": ("operation.watchdog", N_("Whether anything is late, unsent or unattended; 1 where it is.")),
    "audit": (
        "operation.audit",
        N_("Replay the journal: that each step that was due fired exactly once; 1 where not."),
    ),
    "indicator": ("plans.indicator", N_("Indicators: enter a reading, bring them in from Excel, show how they stand.")),
    "people": ("plans.people", N_("The register of people: list, enter, change, end, try addresses, Excel.")),
    "access": ("operation.portal", N_("Access links: make, list, withdraw.")),
    "portal": ("operation.portal", N_("Serve the pages on which units and the office work.")),
    "evidence": ("items.evidence", N_("The evidence store: verify, sweep.")),
    "archive": ("plans.archive", N_("Everything of a plan in one ZIP, to be read and checked without this program.")),
    "db": ("operation.db", N_("The database: upgrade, version.")),
    "up": (
        "operation.running",
        N_("Start the database, the Prefect server, a worker and the portal, and stay until Ctrl-C."),
    ),
    "run": (
        "operation.running",
        N_("Rehearse a plan in the data folder, on the whole stack; the data stays to look at."),
    ),
    "demo": (
        "operation.demo",
        N_("Act a plan out up to a day, in a folder of its own, and leave it open to look around as office or unit."),
    ),
    "rehearse": (
        "operation.running",
        N_("See what a plan will ask of whom, and when: rehearse it aside, and leave real data alone."),
    ),
}


class Root(click.Group):
    """Loads a command when it is used, and turns every error into clear lines and the exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's own)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's own)
        if cmd_name not in COMMANDS:
            return None
        module, purpose = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"deploy.cli.{module}"), cmd_name)
        assert isinstance(command, click.Command)
        command.help = command.help or _(purpose)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(purpose)) for name, (_module, purpose) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        if ctx.params["debug"]:
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - a person reads this: a line, never a traceback
            for line in error_lines(error):
                tell_problem(line)
            ctx.exit(2)


@click.group(
    cls=Root,
    help=_("Duban: hand out a plan, chase it, collect the proof, accept it."),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help=_("show where in the program an error arose"))
@click.version_option(package_name="duban", message="duban %(version)s")
def duban(*, debug: bool) -> None:
    pass


def error_lines(error: Exception) -> Sequence[str]:
    """The lines that say what went wrong."""
    # Imported only in case of an error, so that commands start fast.
    from sqlalchemy.exc import ArgumentError, DBAPIError  # noqa: PLC0415

    from adapters.plan_files.reader import PlanProblemsError  # noqa: PLC0415
    from models.common.constraints import meaning_of  # noqa: PLC0415

    match error:
        case PlanProblemsError():
            problems = [_problem_line(one) for one in error.problems[:MAX_PROBLEMS_SHOWN]]
            if (left := len(error.problems) - len(problems)) > 0:
                problems.append(_("… and {count} more").format(count=left))
            return [*problems, _("{count} errors in the plan {folder}").format(**error.facts)]
        case DubanError():
            return [language.say(error)]
        case DBAPIError():
            meaning = meaning_of(error)
            return [language.say(meaning) if meaning else _database_line(error)]
        case ArgumentError():
            # The text of the error may hold the database's address with its password.
            return [_("DUBAN_DATABASE_URL is not an address such as postgresql://user@host:5432/name")]
        case OSError() if error.strerror:
            return [_("{file}: {why}").format(file=error.filename or "-", why=error.strerror)]
    kind, why = type(error).__name__, _first_line(error)
    return [_("unexpected error: {kind}: {why}; `duban --debug …` shows where").format(kind=kind, why=why)]


def _problem_line(problem: object) -> str:
    from adapters.plan_files.reader import Problem  # noqa: PLC0415

    assert isinstance(problem, Problem)
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    value = _("nothing") if problem.value is None else f'"{problem.value}"'
    expected = _(problem.expected).format(**problem.facts)
    return ": ".join(filter(None, (place, problem.field, value, expected)))


def _database_line(error: Exception) -> str:
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    place = _database_place()
    why = _first_line(getattr(error, "orig", None) or error)
    if isinstance(error, OperationalError) and error.statement is None:
        return _("the database {place} cannot be reached: {why}").format(place=place, why=why)
    return _("the database {place} failed: {why}; `duban --debug …` shows where").format(place=place, why=why)


def _database_place() -> str:
    """The database's address without user and password."""
    from sqlalchemy import make_url  # noqa: PLC0415

    address = settings().database_url
    if not address:
        return _("in {folder}").format(folder=settings().data_dir)
    url = make_url(address)
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''} (DUBAN_DATABASE_URL)"


def _first_line(error: object) -> str:
    return next(iter(str(error).splitlines()), "")
