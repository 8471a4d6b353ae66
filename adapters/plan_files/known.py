"""What a plan has named so far, to be named again."""

import dataclasses

from models.common.kinds import NoLead
from models.plan.document import AreaEntry, PhaseEntry


@dataclasses.dataclass(slots=True)
class Known:
    """What may be named. A set that could not be read is None: then no name in it is called unknown.

    `units` are those that work is issued to; `leads` are these and the office.
    """

    unit_lines: dict[str, int] = dataclasses.field(default_factory=dict)
    units: set[str] | None = None
    leads: set[str] | None = None
    collectives: set[str] | None = None
    areas: dict[str, AreaEntry] | None = None
    phases: tuple[PhaseEntry, ...] | None = None
    years: tuple[int, int] | None = None
    no_lead: NoLead | None = None

    @property
    def parties(self) -> set[str] | None:
        return None if self.units is None or self.collectives is None else self.units | self.collectives
