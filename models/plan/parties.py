"""Who answers for an item of the plan, as the document says it: leads, responsible units, and who is not known yet."""

import dataclasses
from collections.abc import Iterable, Iterator

from models.common.kinds import NoLead, Scope
from models.common.text import Text
from models.plan.area import Role
from models.plan.document import AreaEntry, IndicatorEntry, MeasureDue, MeasureEntry, PlanDocument, RequirementEntry

CO_LEAD_WORKING_DAYS = 3  # within which a co-lead says what it thinks, where the plan does not say


@dataclasses.dataclass(frozen=True, slots=True)
class Parties:
    """`lead` and `co_leads` are codes of units, `responsible` of units and collectives.

    `lead` is "" where nobody leads, or where it is not settled who does. `unsettled_lead` and `unsettled` are the
    plan's words for parties that are not known yet. `leads_of` and `responsible_of` are the codes of the items that
    name them: the measure itself, or its area.
    """

    lead: str
    co_leads: tuple[str, ...]
    responsible: tuple[str, ...]
    unsettled_lead: str
    unsettled: tuple[str, ...]
    leads_of: str
    responsible_of: str

    def in_role(self, role: Role) -> tuple[str, ...]:
        """Codes of units or collectives."""
        return {
            Role.LEAD: (self.lead,) if self.lead else (),
            Role.CO_LEAD: self.co_leads,
            Role.RESPONSIBLE: self.responsible,
        }[role]

    @property
    def unknown(self) -> tuple["Unknown", ...]:
        """Those that are not known yet."""
        leads = (Unknown(self.leads_of, Role.LEAD, self.unsettled_lead),) if self.unsettled_lead else ()
        return (*leads, *(Unknown(self.responsible_of, Role.RESPONSIBLE, words) for words in self.unsettled))


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """A party that the plan names without saying who it is: by the code of the item that names it, role and words."""

    item: str
    role: Role
    words: str


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """What a requirement is asked of: the plan, an area or a measure; `parties` is None for the plan."""

    area: AreaEntry | None = None
    code: str = ""
    source: str = ""
    proof: Text | None = None
    parties: Parties | None = None
    due: MeasureDue | None = None
    name: Text | None = None


def parties_of(area: AreaEntry, measure: MeasureEntry | None, no_lead: NoLead | None) -> Parties:
    """Who answers for an area, or for a measure of it: what the measure does not name, its area does."""
    leads = area if measure is None or measure.lead is None else measure
    answers = area if measure is None or measure.responsible is None else measure
    lead, responsible = leads.lead or "", answers.responsible or ()
    if no_lead is NoLead.FIRST and responsible and not (lead or leads.unsettled_lead):
        lead, *others = responsible
        responsible = tuple(others)
    return Parties(
        lead=lead,
        co_leads=leads.co_leads,
        responsible=responsible,
        unsettled_lead=leads.unsettled_lead,
        unsettled=answers.unsettled,
        leads_of=leads.code,
        responsible_of=answers.code,
    )


def owners_of(entry: IndicatorEntry, no_lead: NoLead | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who answers for a target by what it says itself: its leads, the first one first, and who is responsible.

    Where the plan lets the first responsible unit lead, it is the lead of a target that names none.
    """
    leads = (entry.lead, *entry.co_leads) if entry.lead else ()
    responsible = entry.responsible or ()
    if no_lead is NoLead.FIRST and responsible and not leads:
        return responsible[:1], responsible[1:]
    return leads, responsible


def items_of(document: PlanDocument, scope: Scope) -> Iterator[Item]:
    """What a requirement of that scope is asked of. A safeguard has no measures and stands for itself."""
    if scope is Scope.PLAN:
        yield Item()
        return
    for area in document.areas:
        if scope is Scope.AREA or not area.measures:
            yield Item(area, area.code, area.source, parties=parties_of(area, None, document.no_lead), name=area.name)
        for one in area.measures if scope is Scope.MEASURE else ():
            yield Item(
                area, one.code, one.source, one.proof, parties_of(area, one, document.no_lead), one.due, one.name
            )


def all_parties(document: PlanDocument) -> Iterator[Parties]:
    """Those of each area and each measure."""
    for area in document.areas:
        yield parties_of(area, None, document.no_lead)
        yield from (parties_of(area, one, document.no_lead) for one in area.measures)


def roles_asked(audience: Iterable[str]) -> list[Role]:
    """The roles that a requirement of an area or a measure is asked of. Co-leads owe what leads owe."""
    asked = set(audience)
    leads = [Role.LEAD, Role.CO_LEAD] if Role.LEAD in asked else []
    return [*leads, Role.RESPONSIBLE] if Role.RESPONSIBLE in asked else leads


def addressees(entry: RequirementEntry, item: Item) -> Iterator[tuple[Role, str]]:
    """Of whom a requirement is asked, as role and code of a unit or collective.

    At the scope of the plan everybody answers for themselves, to the office.
    """
    if item.parties is None:
        yield from ((Role.RESPONSIBLE, code) for code in entry.audience)
        return
    for role in roles_asked(entry.audience):
        yield from ((role, code) for code in item.parties.in_role(role))


def waits_for(entry: RequirementEntry, item: Item) -> list[Unknown]:
    """The parties that it is to be asked of once they are known."""
    asked = roles_asked(entry.audience)
    return [one for one in item.parties.unknown if one.role in asked] if item.parties else []


def is_asked(entry: RequirementEntry, item: Item) -> bool:
    """Whether a requirement asks anybody of this item, now or once they are known."""
    return any(True for _ in addressees(entry, item)) or bool(waits_for(entry, item))


def asked_of_nobody(document: PlanDocument) -> list[tuple[RequirementEntry, str]]:
    """Each requirement, with the code of the item of which it asks nobody, now or later."""
    return [
        (entry, item.code)
        for entry in document.requirements
        for item in items_of(document, entry.scope)
        if not is_asked(entry, item)
    ]
