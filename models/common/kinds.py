"""The kinds that plans speak of: of units, areas, phases, requirements and targets."""

from enum import StrEnum


class Basis(StrEnum):
    """Whether the plan itself says so, or it was inferred."""

    STATED = "stated"
    INFERRED = "inferred"


class UnitKind(StrEnum):
    BUREAU = "bureau"
    COUNTY = "county"
    OFFICE = "office"  # the leading-group office: receives what is escalated, decides at the gates
    LEADER = "leader"  # the head of the leading group: receives the last step of the ladder


class AreaKind(StrEnum):
    BRAND = "brand"
    SAFEGUARD = "safeguard"


class Scope(StrEnum):
    """What a requirement is asked of: the plan as a whole, each area, or each measure (or safeguard)."""

    PLAN = "plan"
    AREA = "area"
    MEASURE = "measure"


class PhaseKind(StrEnum):
    """What a phase is for; each kind has its flow in Prefect."""

    LAUNCH = "launch"
    IMPLEMENTATION = "implementation"
    ACCEPTANCE = "acceptance"


class NoLead(StrEnum):
    """Who leads where a plan names no lead: nobody, and each unit answers to the office; or the first responsible."""

    OFFICE = "office"
    FIRST = "first"


class OnDayOff(StrEnum):
    """To which working day a date moves that falls on a day off: the one before it, or the one after."""

    EARLIER = "earlier"
    LATER = "later"


class Comparator(StrEnum):
    AT_LEAST = "ge"
    EQUAL = "eq"
    ABOVE_REFERENCE = "gt_ref"
    FULL = "full"
    RANGE = "range"
    STATUS = "status"
    EACH = "each"


class Rollup(StrEnum):
    """How the readings of units become the city's."""

    SUM = "sum"
    WEIGHTED_MEAN = "weighted_mean"
    LATEST = "latest"  # there is one figure for the whole city: the newest reading is it
    ALL = "all"  # each unit has to reach the target for itself; the lowest stands for all


def usual_rollup(comparator: Comparator, unit: str) -> Rollup:
    """The roll-up of an indicator whose plan states none: counts are summed, percentages are a weighted mean."""
    if comparator is Comparator.ABOVE_REFERENCE:
        return Rollup.LATEST
    if comparator in {Comparator.STATUS, Comparator.EACH, Comparator.FULL, Comparator.RANGE}:
        return Rollup.ALL
    return Rollup.WEIGHTED_MEAN if unit == "%" else Rollup.SUM
