"""What an editor may know of plan files: a JSON Schema for each. A test holds them to the keys that the reader takes.

Whether names and dates fit together only the reader checks.
"""

from collections.abc import Iterable
from typing import Any

from adapters.plan_files.areas import LEVELS
from adapters.plan_files.entries import MEMBER_KEYS
from adapters.plan_files.indicators import RECURRENCES
from adapters.plan_files.ladder import LADDER_AUDIENCE, LADDER_WORDS
from adapters.plan_files.reader import CALENDARS, PLAN_KEYS
from adapters.plan_files.schedule import ROLES
from adapters.yaml_nodes import CODE_PATTERN
from models.common.kinds import (
    AreaKind,
    Basis,
    Comparator,
    NoLead,
    OnDayOff,
    PhaseKind,
    Rollup,
    Scope,
    UnitKind,
)
from models.dates.recurrence import Every, InMonth
from models.plan.document import Counted

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
CHINESE = "[\\u3400-\\u4dbf\\u4e00-\\u9fff]"

STRING: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
DATE: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
CODE: Schema = {"type": "string", "pattern": f"^{CODE_PATTERN}$"}


def _object(required: Iterable[str], **properties: Schema) -> Schema:
    """Keys with a hyphen or a reserved name are written with a _ at the end."""
    named = {name.rstrip("_"): one for name, one in properties.items()}
    return {"type": "object", "properties": named, "required": sorted(required), "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


def _any(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def _words(words: Iterable[str]) -> Schema:
    return {"enum": [str(one) for one in words]}


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _file(key: str, items: Schema, **more: Schema) -> Schema:
    return _object([key], **{key: items}, **more)


TEXT = _any(STRING, _object(["zh"], zh=STRING, en=STRING))
MADE_CODE = _any(CODE, {"type": "string", "pattern": CHINESE, "maxLength": 36})
BASIS = _words(Basis)
SOURCED = {"source": STRING, "basis": BASIS}
DAY_OFF = _words(OnDayOff)
UNSETTLED = _object(["unsettled"], unsettled=STRING)
LEAD = _any(STRING, _list(STRING), UNSETTLED)
RESPONSIBLE = _any({"const": "none"}, _list(_any(STRING, UNSETTLED)))
RECURRENCE = _object(["every", "day"], every=_words(Every), day=_whole(1, 31), in_=_words(InMonth))
STAGES = _object(["stages"], stages=_list(_object(["by", "what"], by=DATE, what=TEXT)))
LADDER = _list(
    _object(
        ["code", "anchor", "offset", "working", "condition", "audience"],
        code=CODE,
        offset=_whole(-365, 365),
        working=FLAG,
        audience=_list(_words(LADDER_AUDIENCE)),
        every=_whole(1, 260),
        **{key: _words(words) for key, words in LADDER_WORDS.items()},
    )
)

ORGANISATION = _object(
    ["body", "posts"],
    body=TEXT,
    posts=_list(_object(["code", "name", "held_by", "source"], code=CODE, name=TEXT, held_by=TEXT, **SOURCED)),
    duties=_list(_object(["of", "what", "source"], of=TEXT, what=_list(TEXT), **SOURCED)),
)

COUNT = {"name": TEXT, "declared": _whole(0, 10_000), "enumerated": _whole(0, 10_000), "note": TEXT}
DECLARED = _list(
    _any(
        _object(["area", *COUNT], area=STRING, **COUNT),
        _object(["of", *COUNT], of=_words(Counted), **COUNT),
    )
)

PLAN = _object(
    PLAN_KEYS,
    code=CODE,
    title=TEXT,
    city=TEXT,
    timezone=STRING,
    calendar=_words(CALENDARS),
    starts=_whole(2000, 2100),
    ends=_whole(2000, 2100),
    near_limit_days=_whole(0, 365),
    unsigned_working_days=_whole(1, 365),
    rework_working_days=_whole(1, 365),
    co_lead_working_days=_whole(1, 365),
    source=STRING,
    declared=DECLARED,
    go_live_on=DATE,
    organisation=ORGANISATION,
    ladder=LADDER,
    on_day_off=DAY_OFF,
    no_lead=_words(NoLead),
)

UNIT = _object(
    ["name", "kind"],
    code=MADE_CODE,
    name=TEXT,
    kind=_words(UnitKind),
    full_name=STRING,
    aliases=_list(STRING),
    **SOURCED,
)

COLLECTIVE = _object(
    ["name"],
    code=MADE_CODE,
    name=TEXT,
    **{key: _list(STRING) for key in MEMBER_KEYS if key != "kinds"},
    kinds=_list(_words([UnitKind.BUREAU, UnitKind.COUNTY])),
    **SOURCED,
)

OF_MEASURES: dict[str, Schema] = {
    "code": _any(MADE_CODE, {"type": "string", "maxLength": 10}, _whole(1, 99)),
    "name": TEXT,
    "lead": LEAD,
    "responsible": RESPONSIBLE,
    "leader": TEXT,
    "due": _any(DATE, {"const": "open"}, STAGES, RECURRENCE),
}


def _measure(level: int = 1) -> Schema:
    """One that is asked for, or one that holds others."""
    lowest = _object(["name", "proof", "source"], **OF_MEASURES, proof=TEXT, **SOURCED)
    if level == LEVELS:
        return lowest
    return _any(lowest, _object(["name", "measures"], **OF_MEASURES, measures=_list(_measure(level + 1))))


AREA = _object(
    ["kind", "name", "lead", "responsible", "source"],
    code=MADE_CODE,
    kind=_words(AreaKind),
    name=TEXT,
    lead=LEAD,
    responsible=RESPONSIBLE,
    leader=TEXT,
    measures=_list(_measure()),
    **SOURCED,
)

INDICATOR = _object(
    ["name", "comparator", "due", "source"],
    code=MADE_CODE,
    name=TEXT,
    comparator=_words(Comparator),
    value=_any(NUMBER, _list(NUMBER)),
    unit=TEXT,
    reference=TEXT,
    due=_any(_whole(2000, 2100), DATE, _words(RECURRENCES.values()), RECURRENCE),
    due_basis=BASIS,
    soft=FLAG,
    note=STRING,
    rollup=_words(Rollup),
    rollup_basis=BASIS,
    conflicts_with=_list(STRING),
    reporters=_list(STRING),
    lead=_any(STRING, _list(STRING)),
    responsible=_any({"const": "none"}, _list(STRING)),
    quotas={"type": "object", "additionalProperties": _any(NUMBER, _list(NUMBER)), "minProperties": 1},
    **SOURCED,
)

PHASE = _object(
    ["code", "name", "starts_on", "ends_on", "issue_on", "source"],
    code=STRING,
    kind=_words(PhaseKind),
    period=_any(STRING, _whole(2000, 2100)),
    name=TEXT,
    starts_on=DATE,
    ends_on=DATE,
    issue_on=DATE,
    **SOURCED,
)

REQUIREMENT = _object(
    ["phase", "scope", "audience", "due", "title", "why", "proof"],
    code=MADE_CODE,
    phase=STRING,
    scope=_words(Scope),
    audience=_list({**STRING, "description": f"{', '.join(ROLES)}; for the scope plan units and collectives"}),
    due=_any(
        {"const": "measure"},
        RECURRENCE,
        {"type": "object", "patternProperties": {"^[0-9]": DATE}, "additionalProperties": False, "minProperties": 1},
    ),
    rhythm=RECURRENCE,
    title=TEXT,
    why=TEXT,
    proof=TEXT,
    basis=BASIS,
    on_day_off=DAY_OFF,
    ladder=LADDER,
)

SCHEMAS: dict[str, Schema] = {
    "plan": PLAN,
    "units": _file("units", _list(UNIT), collectives=_list(COLLECTIVE)),
    "areas": _file("areas", _list(AREA)),
    "indicators": _file("indicators", _list(INDICATOR)),
    "phases": _file("phases", _list(PHASE)),
    "requirements": _file("requirements", _list(REQUIREMENT)),
}


def schema_of(file: str) -> Schema:
    """The schema of `areas.yaml`, by the name `areas`."""
    return {"$schema": DRAFT, "title": f"Duban: {file}.yaml", **SCHEMAS[file]}
