"""Who answers for an area or a measure, as YAML says it: leads, responsible units, and parties not known yet."""

import dataclasses

from adapters.language import N_
from adapters.plan_files.known import Known
from adapters.plan_files.names import named
from adapters.yaml_nodes import Place
from models.common.kinds import NoLead

NONE = "none"
EXPECTED_LEAD = N_("expected the code of a bureau, of a county or of the office in units.yaml")
EACH_CODE = "expected each code once; it is also on line {line}"
EACH_PARTY = N_("expected each party once; it is also on line {line}")
EXPECTED_PARTY = N_("expected the code of a bureau, county or collective in units.yaml")


@dataclasses.dataclass(frozen=True, slots=True)
class Leads:
    """The first lead ("" where there is none), those after it, and the words for one that is not known yet."""

    lead: str = ""
    co_leads: tuple[str, ...] = ()
    unsettled: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        return (self.lead, *self.co_leads) if self.lead else self.co_leads


@dataclasses.dataclass(frozen=True, slots=True)
class Responsible:
    """Codes of units and collectives, and the words for parties that are not known yet."""

    codes: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()


def leads_of(place: Place, known: Known) -> Leads:
    """`edu`; `[edu, finance]`, of which the first answers; `none`; or `{unsettled: "…"}`, in the plan's words."""
    if place.is_mapping:
        return Leads(unsettled=_words(place))
    if not place.is_list:
        return Leads() if _is_none(place, known) else Leads(named(place, known.leads, EXPECTED_LEAD, known.names))
    codes: dict[str, int] = {}
    for item in place.items():
        if item.is_mapping:
            item.problem("expected the code of a unit: a lead that is not settled stands alone, not in a list")
        else:
            _take(item, named(item, known.leads, EXPECTED_LEAD, known.names), codes, EACH_CODE)
    first, *others = [*codes] or [""]
    return Leads(first, tuple(others))


def responsible_of(place: Place, leads: Leads, known: Known) -> Responsible:
    """`[edu, counties, {unsettled: "…"}]`, in the order of the plan; or `none`."""
    if _is_none(place, known):
        return Responsible()
    codes: dict[str, int] = {}
    words: dict[str, int] = {}
    for item in place.items():
        if item.is_mapping:
            _take(item, _words(item), words, EACH_PARTY)
        else:
            _take(item, named(item, known.parties, EXPECTED_PARTY, known.names), codes, EACH_CODE)
    for lead in leads.codes:
        if lead in codes:
            place.problem("expected the lead {lead} not to be responsible as well", lead=lead)
    return Responsible(tuple(codes), tuple(words))


def check_first(lead: Place, responsible: Place, leads: Leads, answers: Responsible, known: Known) -> None:
    """Where the plan lets the first responsible unit lead, it has to be one unit that is known.

    `lead` and `responsible` are where the item itself says so; what it does not say, its area has said.
    """
    if known.no_lead is not NoLead.FIRST or leads.codes or leads.unsettled or known.units is None:
        return
    place = responsible if responsible.given else lead
    if place.given and (answers.codes or answers.unsettled) and not _begins_with_unit(place, answers, known):
        place.problem("expected a unit at the head of the responsible ones: where no lead is named, it leads")


def _begins_with_unit(place: Place, answers: Responsible, known: Known) -> bool:
    assert known.units is not None
    is_unknown = place.is_list and place.items()[0].is_mapping
    return bool(answers.codes) and answers.codes[0] in known.units and not is_unknown


def _is_none(place: Place, known: Known) -> bool:
    """A unit may be called so in a plan from before there was the word."""
    return place.raw == NONE and NONE not in (known.leads or ())


def _words(place: Place) -> str:
    return place.fields("unsettled")["unsettled"].text()


def _take(place: Place, one: str, taken: dict[str, int], expected: str) -> None:
    if one in taken:
        place.problem(expected, line=taken[one])
    elif one:
        taken[one] = place.line
