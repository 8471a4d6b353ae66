"""Reads the folder of a plan, and reports all of its errors at once."""

import dataclasses
import os
import zoneinfo
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from adapters.plan_files.areas import areas_of
from adapters.plan_files.codes import given_codes
from adapters.plan_files.declared import declared_of
from adapters.plan_files.dues import check_dues, check_references, with_dues
from adapters.plan_files.entries import (
    basis_of,
    both,
    collective_places,
    collectives_of,
    on_day_off_of,
    units_of,
)
from adapters.plan_files.indicators import indicators_of
from adapters.plan_files.known import Known
from adapters.plan_files.ladder import ladder_of
from adapters.plan_files.names import claim
from adapters.plan_files.schedule import phases_of, requirements_of
from adapters.yaml_nodes import Place, Problem, read_yaml, shown
from models.common.errors import RefusedError
from models.common.kinds import NoLead
from models.plan.document import PlanDocument

__all__ = ["PlanProblemsError", "Problem", "read_plan"]

Entry = TypeVar("Entry")

FILES = ("plan.yaml", "units.yaml", "areas.yaml", "indicators.yaml", "phases.yaml", "requirements.yaml")
NOT_NEEDED = "indicators.yaml"  # a plan may have no targets
PLAN_KEYS = (
    "code",
    "title",
    "city",
    "timezone",
    "calendar",
    "starts",
    "ends",
    "near_limit_days",
    "unsigned_working_days",
    "rework_working_days",
    "source",
    "declared",
)
PLAN_OPTIONAL = ("go_live_on", "organisation", "ladder", "on_day_off", "no_lead", "co_lead_working_days")
PATH_SHOWN = 1_000
CALENDARS = ("china", "weekends")


class PlanProblemsError(RefusedError):
    """The plan is not sound; `problems` holds everything that is wrong with it."""

    def __init__(self, folder: Path, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("The plan in {folder} has {count} errors", folder=shown(str(folder)), count=len(self.problems))


def read_plan(folder: Path) -> PlanDocument:
    """The plan that the folder holds; raises `PlanProblemsError` with every error in it."""
    if not folder.is_dir():
        file = shown(str(folder), PATH_SHOWN)
        missing = Problem(file, 0, "", None, "expected a folder with the files of a plan")
        raise PlanProblemsError(folder, [missing])
    problems: list[Problem] = []
    there = [name for name in FILES if name != NOT_NEEDED or os.path.lexists(folder / name)]
    document = _document({name: read_yaml(folder / name, problems) for name in there})
    if problems or document is None:
        problems = list(dict.fromkeys(problems))  # a date that measures take from above is read for each of them
        problems.sort(key=lambda problem: (FILES.index(problem.file), problem.line))
        raise PlanProblemsError(folder, problems)
    return document


def _document(roots: dict[str, Place | None]) -> PlanDocument | None:
    known = Known()
    plan = _keys(roots["plan.yaml"], *PLAN_KEYS, optional=PLAN_OPTIONAL)
    head = _head(plan, known) if plan else {}
    files = _keys(roots["units.yaml"], "units", optional=("collectives",))
    known.given = given_codes(files["units"]) | given_codes(files["collectives"]) if files else set()
    units = units_of(files["units"], known) if files else ()
    places = collective_places(files["collectives"], known) if files else []
    areas = _list(roots["areas.yaml"], "areas", areas_of, known)
    collectives = collectives_of(places, units, known)
    phases = _list(roots["phases.yaml"], "phases", phases_of, known)
    known.indicators = None if NOT_NEEDED in roots else 0
    indicators = _list(roots.get(NOT_NEEDED), "indicators", indicators_of, known)
    areas = with_dues(areas, known)
    requirements = _list(roots["requirements.yaml"], "requirements", requirements_of, known)
    check_dues(areas, requirements, known)
    check_references(areas, known)
    if plan is None:
        return None
    declared, in_all = declared_of(plan["declared"], known)
    return PlanDocument(
        **head,
        declared=declared,
        declared_in_all=in_all,
        units=units,
        collectives=collectives,
        areas=areas,
        indicators=indicators,
        phases=phases,
        requirements=requirements,
    )


def _keys(root: Place | None, *required: str, optional: Sequence[str] = ()) -> dict[str, Place] | None:
    """The keys at the top of a file; None when there is no telling what it holds."""
    if root is None:
        return None
    if not root.given:
        root.problem("expected a mapping with the keys {keys}", keys=", ".join(required))
        return None
    fields = root.fields(*required, optional=optional)
    return fields if root.is_mapping else None


def _list(
    root: Place | None, key: str, read: Callable[[Place, Known], tuple[Entry, ...]], known: Known
) -> tuple[Entry, ...]:
    fields = _keys(root, key)
    return read(fields[key], known) if fields and fields[key].given else ()


def _head(plan: dict[str, Place], known: Known) -> dict[str, Any]:
    starts, ends = plan["starts"].integer(2000, 2100), plan["ends"].integer(2000, 2100)
    known.no_lead = plan["no_lead"].choice(NoLead) if plan["no_lead"].given else None
    if starts and ends:
        known.years = (starts, ends) if starts <= ends else None
    if starts and ends and ends < starts:
        plan["ends"].problem("expected a year that is not before {starts}", starts=starts)
    return {
        "code": plan["code"].code(),
        "title": both(plan["title"]),
        "city": both(plan["city"]),
        "timezone": _timezone(plan["timezone"]),
        "calendar": plan["calendar"].one_of(CALENDARS),
        "starts": starts or 0,
        "ends": ends or 0,
        "go_live_on": plan["go_live_on"].date(),
        "near_limit_days": plan["near_limit_days"].integer(0, 365) or 0,
        "unsigned_working_days": plan["unsigned_working_days"].integer(1, 365) or 0,
        "rework_working_days": plan["rework_working_days"].integer(1, 365) or 0,
        "source": plan["source"].text(),
        "organisation": _organisation(plan["organisation"]),
        "ladder": ladder_of(plan["ladder"]),
        "on_day_off": on_day_off_of(plan["on_day_off"]),
        "no_lead": known.no_lead,
        "co_lead_working_days": plan["co_lead_working_days"].integer(1, 365),
    }


def _timezone(place: Place) -> str:
    name = place.text()
    if name and name not in zoneinfo.available_timezones():
        place.problem("expected the name of a time zone such as Asia/Shanghai")
    return name


def _organisation(place: Place) -> dict[str, Any]:
    if not place.given:
        return {}
    fields = place.fields("body", "posts", optional=("duties",))
    taken: dict[str, int] = {}
    posts = [_post(item, taken) for item in fields["posts"].items()]
    duties = [_duty(item) for item in fields["duties"].items()]
    return {"body": dataclasses.asdict(both(fields["body"])), "posts": posts, "duties": duties}


def _post(place: Place, taken: dict[str, int]) -> dict[str, Any]:
    fields = place.fields("code", "name", "held_by", "source", optional=("basis",))
    return {
        "code": claim(fields["code"], taken, "post"),
        "name": dataclasses.asdict(both(fields["name"])),
        "held_by": dataclasses.asdict(both(fields["held_by"])),
        "basis": basis_of(fields["basis"]).value,
        "source": fields["source"].text(),
    }


def _duty(place: Place) -> dict[str, Any]:
    fields = place.fields("of", "what", "source", optional=("basis",))
    return {
        "of": dataclasses.asdict(both(fields["of"])),
        "what": [dataclasses.asdict(both(item)) for item in fields["what"].items()],
        "basis": basis_of(fields["basis"]).value,
        "source": fields["source"].text(),
    }
