"""What a plan has named so far, to be named again."""

import dataclasses

from adapters.plan_files.names import Names
from adapters.yaml_nodes import Place
from models.common.kinds import NoLead
from models.plan.document import AreaEntry, PhaseEntry, RequirementEntry


@dataclasses.dataclass(slots=True)
class Known:
    """What may be named. A set that could not be read is None: then no name in it is called unknown.

    `units` are those that work is issued to; `leads` are these and the office. `names` are those of units and
    collectives. `given` are the codes that the file under way gives: none that is made may be one of them.
    """

    given: set[str] = dataclasses.field(default_factory=set)
    names: Names = dataclasses.field(default_factory=Names)
    area_names: Names = dataclasses.field(default_factory=Names)
    unit_lines: dict[str, int] = dataclasses.field(default_factory=dict)
    units: set[str] | None = None
    leads: set[str] | None = None
    collectives: set[str] | None = None
    areas: dict[str, AreaEntry] | None = None
    phases: tuple[PhaseEntry, ...] | None = None
    indicators: int | None = 0  # how many there are
    years: tuple[int, int] | None = None
    no_lead: NoLead | None = None
    dues: dict[str, Place] = dataclasses.field(default_factory=dict)  # of measures, by code
    asked: list[tuple[Place, RequirementEntry]] = dataclasses.field(default_factory=list)

    @property
    def parties(self) -> set[str] | None:
        return None if self.units is None or self.collectives is None else self.units | self.collectives
