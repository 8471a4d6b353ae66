"""The columns of assignments that lists and letters show: one row each, with the texts of what is asked."""

from sqlalchemy import select

from models.assignments.assignment import Assignment
from models.assignments.extension import Extension
from models.common.base import AnyRow
from models.common.text import Text
from models.plan.area import Area, Measure
from models.plan.requirement import Requirement
from models.plan.unit import Unit


def item_of(fact: AnyRow) -> Text | None:
    """The measure or area that it is asked of, with its code; None where it is the plan as a whole."""
    if fact.area_code is None:
        return None
    code = fact.measure_code or fact.area_code
    zh, en = fact.measure_zh or fact.area_zh, fact.measure_en or fact.area_en
    return Text(f"{code} {zh}", f"{code} {en}")


_asked_until = (
    select(Extension.until)
    .where(Extension.assignment_id == Assignment.id)
    .order_by(Extension.id.desc())
    .limit(1)
    .scalar_subquery()
)
ASSIGNMENT_COLUMNS = (
    select(
        Assignment.id,
        Assignment.due_on,
        Assignment.planned_due_on,
        Assignment.due_provisional,
        Assignment.promised_on,
        Requirement.ref.label("requirement_ref"),
        Requirement.period,
        Requirement.title_zh,
        Requirement.title_en,
        Requirement.proof_zh,
        Requirement.proof_en,
        Requirement.source,
        Requirement.basis,
        Requirement.open_ended,
        Unit.code.label("unit_code"),
        Unit.name_zh.label("unit_zh"),
        Unit.name_en.label("unit_en"),
        Area.code.label("area_code"),
        Area.name_zh.label("area_zh"),
        Area.name_en.label("area_en"),
        Measure.code.label("measure_code"),
        Measure.name_zh.label("measure_zh"),
        Measure.name_en.label("measure_en"),
    )
    .join(Requirement, Requirement.id == Assignment.requirement_id)
    .join(Unit, Unit.id == Assignment.unit_id)
    .outerjoin(Area, Area.id == Requirement.area_id)
    .outerjoin(Measure, Measure.id == Requirement.measure_id)
)
# What a letter says besides.
LETTER_COLUMNS = ASSIGNMENT_COLUMNS.add_columns(
    Requirement.why_zh, Requirement.why_en, _asked_until.label("asked_until")
)
