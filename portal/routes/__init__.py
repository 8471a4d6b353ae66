"""The pages by what people do there."""

from portal.routes import (
    assignment,
    board,
    complaints,
    entry,
    findings,
    gates,
    handin,
    links,
    office,
    review,
    unit,
)

ALL = (
    entry.router,
    unit.router,
    handin.router,
    assignment.router,
    review.router,
    board.router,
    office.router,
    complaints.router,
    gates.router,
    findings.router,
    links.router,
)
