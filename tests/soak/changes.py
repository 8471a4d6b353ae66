"""Change sets that the soak carries out: each of the ways in which a plan changes, by its name."""

import datetime as dt
from collections.abc import Callable

from models.common.text import Text
from tests.services.changes.changing import area, change, renamed, requirement, with_measure, without_measure

IN_LAUNCH = ("rename", "date of all")
IN_WORK = ("lead", "measure", "words", "date of one", "merge", "withdraw")
CHANGES: dict[str, Callable[[], object]] = {
    "rename": lambda: change(renamed("north", Text("北市", "North City"))),
    "date of all": lambda: change(moves={"2022/liaison": "2022-12-12"}, past=True),
    "lead": lambda: change(area("T1", lead="finance", responsible=("edu", "counties"))),
    # The files name it once, also where it is there already because this is tried again.
    "measure": lambda: change(without_measure("T1.3"), with_measure("T1.3"), past=True),
    "words": lambda: change(requirement("delivery", title=Text("新标题", "New title")), open_items_too=True),
    "date of one": lambda: change(moves={"2023/delivery/T1.1/north": dt.date(2023, 11, 30).isoformat()}),
    "merge": lambda: change(successors={"south": ("north",)}),
    "withdraw": lambda: change(withdrawn=("progress",)),
}
