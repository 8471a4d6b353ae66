"""The `duban` command."""

import signal
import sys

from pydantic import ValidationError

from adapters.folders import keep_to_ourselves
from adapters.language import Language
from adapters.settings import Settings, reach_this_machine_directly


def main() -> None:
    """Run the command. Wrong settings are reported before anything reads them."""
    reach_this_machine_directly()
    keep_to_ourselves()
    _end_in_order()
    try:
        # Imported only now, as the help texts are in the language of the settings.
        from deploy.cli.root import duban  # noqa: PLC0415
    except ValidationError as error:
        _tell_settings(error)
        sys.exit(2)
    duban(prog_name="duban")


def _end_in_order() -> None:
    """Whoever ends the command, and a terminal that is closed, end it as Ctrl-C does.

    Otherwise nothing that leaves at the end would run, and what the command started would live on.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # with `nohup` a terminal may be closed
            signal.signal(number, lambda sent, _frame: sys.exit(128 + sent))


def _tell_settings(error: ValidationError) -> None:
    """Print a line for each wrong setting, without its value, which may be secret."""
    language = Language.of(Settings.model_fields["language"].default)
    template = language.gettext("the setting {name} is not right: {why}")
    for problem in error.errors():
        name = "_".join(["DUBAN", *map(str, problem["loc"])]).upper()
        sys.stderr.write(template.format(name=name, why=problem["msg"]) + "\n")
