"""The pages by what people do there."""

from portal.routes import (
    acceptance,
    assignment,
    board,
    bulletins,
    complaints,
    entry,
    findings,
    gates,
    handin,
    indicators,
    links,
    office,
    plan,
    review,
    scores,
    unit,
    unsettled,
)
from portal.routes.dialogue import contacts, promises
from portal.routes.items import corrections
from portal.routes.people import register as people
from portal.routes.people import workbook as people_workbook
from portal.routes.plans import changes

ALL = (
    entry.router,
    unit.router,
    handin.router,
    assignment.router,
    corrections.router,
    promises.router,
    contacts.router,
    review.router,
    board.router,
    bulletins.router,
    scores.router,
    office.router,
    plan.router,
    changes.router,
    complaints.router,
    unsettled.router,
    gates.router,
    findings.router,
    indicators.router,
    links.router,
    people_workbook.router,
    people.router,
    acceptance.router,
)
