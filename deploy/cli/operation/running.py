"""`duban up`, `duban run` and `duban rehearse`: the stack, and the rehearsal of a plan on it."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from adapters.evidence import antivirus
from adapters.language import Language
from adapters.plan_files.reader import read_plan
from adapters.prefect_server import prefect_secret
from adapters.settings import settings
from deploy.cli.base import make_console, show_table, tell, tell_problem
from deploy.cli.operation.progress import shown_progress
from models.acceptance.verdict import VerdictOutcome
from rendering.labels import VERDICTS

language = Language.of(settings().language)
_ = language.gettext
console = make_console(to_errors=True)
SEED = 20221101
TEND_EVERY_S = 5

plan_folder = click.argument("folder", metavar="PLAN", type=click.Path(path_type=Path))
seed_option = click.option(
    "--seed", type=int, default=SEED, show_default=True, help=_("the same seed gives the same life")
)


@click.command(help=_("Start the database, the Prefect server, a worker and the portal, and stay until Ctrl-C."))
def up() -> None:
    stay_open(_office_links)


def stay_open(links: Callable[[], Iterable[str]], *, on_any_port: bool = False) -> None:
    """Run the stack until Ctrl-C, and print all addresses; `links` prints those of the pages, once they are served.

    `on_any_port`: on others where those of the settings are taken.
    """
    from deploy.stack import running  # noqa: PLC0415  (quick commands do not pay for it)
    from services.letters.addresses import address_warnings  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # with `nohup` a terminal may be closed
            signal.signal(number, lambda *_ignored: stop.set())
    console.print(_("Starting; this takes some ten seconds…"))
    with running(by_schedule=True, portal=True, on_any_port=on_any_port) as parts:
        base = f"http://127.0.0.1:{settings().prefect_port}"
        tell(_("Prefect: {url}").format(url=f"{base}/dashboard"))
        tell(_("Start a phase: {url}").format(url=f"{base}/deployments"))
        _say_how_to_come_in()
        for line in address_warnings(language):
            tell_problem(line)
        for line in links():
            tell(line)
        tell(_("Data: {folder}").format(folder=settings().data_dir))
        if warning := antivirus.warning():
            tell_problem(_(warning))
        tell(_("Ctrl-C stops everything; the data stays."))
        while not stop.wait(TEND_EVERY_S):
            for part in parts.tend():
                said = _("{part} had stopped and was started again; its log lies in {folder}")
                tell_problem(said.format(part=part, folder=settings().data_dir))
        console.print(_("Stopping…"))


def _say_how_to_come_in() -> None:
    """Print the user and password for Prefect, but only to a terminal: others might read a file."""
    if sys.stdout.isatty():
        tell(_("Prefect asks for: {secret}").format(secret=prefect_secret.for_own_server(settings().data_dir)))
    else:
        tell(_("What Prefect asks for: `duban access prefect`"))


def _office_links() -> Iterator[str]:
    """A link to the portal for the office of each plan. On a terminal alone: one in a log may be opened by others."""
    if not sys.stdout.isatty():
        yield _("A link to the portal: `duban access office NAME`")
        return
    from adapters.database.sessions import read_session  # noqa: PLC0415
    from deploy.cli.operation.access import program_scope  # noqa: PLC0415
    from models.plan.plan import plan_codes  # noqa: PLC0415
    from services import links  # noqa: PLC0415

    with read_session() as session:
        codes = plan_codes(session)
    for code in codes:
        link = f"{settings().portal_address}{links.issue_to_office(program_scope(code, 'duban up')).path}"
        yield _("Portal, as the office of {plan} (opens once): {url}").format(plan=code, url=link)
    yield _("Another link: `duban access office NAME`")


@click.command(help=_("Rehearse a plan in the data folder, on the whole stack; the data stays to look at."))
@plan_folder
@seed_option
def run(folder: Path, seed: int) -> None:
    from deploy.rehearsal.place import rehearse_here  # noqa: PLC0415

    document = read_plan(folder)
    with shown_progress(document, console) as progress:
        summary = rehearse_here(document, seed, progress)
    _show(summary)
    data = settings().data_dir
    tell(_("Summary: {file}").format(file=data / "summary.json"))
    tell(_("Look at it: `duban status`, `duban mailbox UNIT`, and `make up` for the runs in the Prefect UI."))


@click.command(help=_("See what a plan will ask of whom, and when: rehearse it aside, and leave real data alone."))
@plan_folder
@seed_option
@click.option("--json", "as_json", is_flag=True, help=_("print the summary as JSON"))
def rehearse(folder: Path, seed: int, *, as_json: bool) -> None:
    from deploy.rehearsal.place import rehearse_aside  # noqa: PLC0415

    document = read_plan(folder)
    with shown_progress(document, console) as progress:
        summary = rehearse_aside(document, seed, progress)
    if as_json:
        tell(json.dumps(summary, ensure_ascii=False, indent=2))
    else:
        _show(summary)


def _show(summary: dict[str, Any]) -> None:
    """Print a table of the phases, and the figures that show whether anything went wrong."""
    table = Table(title=_("{plan}, seed {seed}").format(plan=summary["plan"], seed=summary["seed"]))
    headings = (_("phase"), _("issued"), _("accepted"), _("late"), _("escalations by step"), _("notices"))
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number in {0, 4} else "right")
    for phase in summary["phases"]:
        steps = "  ".join(f"{step} {count}" for step, count in phase["escalations"].items())
        figures = [str(phase[name]) for name in ("issued", "accepted", "late")]
        table.add_row(phase["phase"], *figures, steps, str(phase["notices"]))
    show_table(table)
    messages = summary["messages"]
    tell(_("messages sent {sent}, in letters {letters}; sent twice {duplicates}, given up {dead}").format(**messages))
    said = _("figures entered {readings}, targets met {met} of {indicators}; bulletins sent {bulletins}")
    tell(said.format(met=summary["targets"].get("met", 0), **summary))
    if summary["verdicts"]:
        given = [f"{_(VERDICTS[VerdictOutcome(one)])} {count}" for one, count in summary["verdicts"].items()]
        tell(_("verdicts of the panel: {verdicts}").format(verdicts=language.list(given)))
    tell(_("journal digest {digest}").format(digest=summary["journal_digest"]))
