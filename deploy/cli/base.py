"""What all commands share: the language, the options that recur, how things are shown. Imports nothing heavy."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters.language import Language
from adapters.settings import settings
from models.common.errors import RefusedError
from models.common.typed import person_name
from models.dates.bounds import FIRST_DAY, LAST_DAY
from rendering.terminal import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDE = 200  # columns, where the output is no terminal

language = Language.of(settings().language)
_ = language.gettext


class Day(click.ParamType[dt.date]):
    """A date as the options take it, one with a next working day; acts narrow it to their plan's own bounds."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        if isinstance(value, dt.date):
            return value
        try:
            day = dt.datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007  (a day has no time zone)
        except ValueError:
            self.fail(_("{value}: expected a date such as 2023-01-31").format(value=value), param, ctx)
        if not FIRST_DAY <= day <= LAST_DAY:
            far = _("{value}: expected a date from {first} to {last}")
            self.fail(far.format(value=value, first=FIRST_DAY, last=LAST_DAY), param, ctx)
        return day


def _person(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if not (known := person_name(name)):
        raise RefusedError("a name is needed: a decision has a person")
    return known


refs_argument = click.argument("refs", metavar="REF...", nargs=-1, required=True)
ref_argument = click.argument("ref", metavar="REF")
by_option = click.option(
    "--by", "by_name", metavar="NAME", required=True, callback=_person, help=_("the name of the person who acts")
)
reason_option = click.option("--reason", default="", help=_("why"))
plan_option = click.option(
    "--plan", "plan_code", metavar="CODE", help=_("code of the plan; not needed where there is only one")
)
year_option = click.option("--year", type=int, help=_("year of the phase; not needed where there is only one"))


def one_choice(**choices: Any) -> str:
    """The name of the one option that was given. Raises UsageError where it is none or several."""
    given = [name for name, value in choices.items() if value]
    if len(given) != 1:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in choices)
        raise click.UsageError(_("expected exactly one of {options}").format(options=options))
    return given[0]


# All that commands print goes through here: what people typed may hold signs that a terminal obeys.


def tell(line: str) -> None:
    """Print a line, or several, with what a terminal would obey made visible."""
    click.echo(visible(line))


def tell_problem(line: str) -> None:
    """The same, to the error output."""
    click.echo(visible(line), err=True)


def table(*headings: str, numbers: Iterable[int] = ()) -> "Table":
    """An empty table; columns that hold numbers stand to the right."""
    from rich.table import Table  # noqa: PLC0415

    empty = Table()
    for position, heading in enumerate(headings):
        empty.add_column(heading, justify="right" if position in set(numbers) else "left")
    return empty


def show_table(filled: "Table") -> None:
    """Print a table, with what a terminal would obey made visible."""
    # Names in a plan are not markup. Where the output is no terminal, it is wide enough that nothing is cut.
    console = make_console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(filled)


def make_console(*, to_errors: bool = False) -> "Console":
    """A console that takes no markup, and shows what a terminal would obey."""
    from rich.console import Console  # noqa: PLC0415

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> "Text":
            return super().render_str(visible(text), **options)

    return PlainConsole(stderr=to_errors, markup=False, emoji=False, highlight=False)


@contextmanager
def sheet_problems_told(file: Path) -> Iterator[None]:
    """Report what is wrong in a workbook line by line, and end the command."""
    from services.sheet_problems import SheetProblemsError  # noqa: PLC0415

    try:
        yield
    except SheetProblemsError as error:
        for problem in error.problems:
            tell_problem(language.say(problem.reason))
        told = _("{count} errors in {name}; nothing was entered").format(count=len(error.problems), name=file.name)
        tell_problem(told)
        raise SystemExit(2) from None
