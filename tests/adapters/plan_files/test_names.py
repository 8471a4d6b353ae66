"""Plans that call things by their names: codes are made of pinyin, and a name that says too little is a fault."""

import shutil
from pathlib import Path

import pytest

from adapters import clock as present
from adapters.database.sessions import transaction
from adapters.language import Language
from adapters.plan_files.codes import LONGEST, code_of
from adapters.plan_files.reader import PlanProblemsError, read_plan
from models.common.errors import NotFoundError
from models.common.event import Actor
from models.loading import content_of, load_plan
from models.plan.content import document_of
from models.plan.unit import unit_of
from tests.adapters.plan_files.test_plan_shapes import Change, both, replace
from tests.conftest import REAL, TINY, Clock
from tests.deploy.test_cli import done

NAMES = TINY.parent / "names"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(NAMES, tmp_path / "plan"))


def test_codes_are_made_of_names_and_named_by_them() -> None:
    document = read_plan(NAMES)
    office = "csjyzltsgzldxzbgs"  # the whole pinyin would be too long
    assert [one.code for one in document.units] == ["jiaoyuju", "shicaizhengju", "north", "nanxian", office, "leader"]
    action, funding = document.areas
    assert (action.code, action.lead, action.responsible) == ("yi", "jiaoyuju", ("shicaizhengju", "gexian"))
    assert [one.code for one in action.measures] == ["jianlimingdan", "jianlimingdan-2"]
    assert (action.measures[1].lead, action.measures[1].co_leads) == ("shicaizhengju", ("jiaoyuju",))
    assert (funding.code, document.declared[0].area) == ("jingfeibaozhang", "yi")
    assert {one.code: one.members for one in document.collectives} == {
        "gexian": ("north", "nanxian"),
        "quanbudanwei": ("jiaoyuju", "shicaizhengju", "north", "nanxian"),
        "qiantoudanwei": ("jiaoyuju", "shicaizhengju"),
        "xgzrdw": ("shicaizhengju",),
        "liangxian": ("north", "nanxian"),
    }
    enrolment, skills = document.indicators
    assert (enrolment.conflicts_with, enrolment.reporters) == ((skills.code,), ("jiaoyuju", "north"))
    assert [one.code for one in document.requirements] == [
        "qdlly",
        "gongzuofangan",
        "jinzhanbaogao",
        "wcqk",
        "self-check",
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("重庆市", "chongqingshi"),
        ("市人力资源和社会保障局", "srlzyhshbzj"),
        ("（二）", "er"),
        ("2023年任务", "x2023nianrenwu"),
        ("各县(市)区", "gexianshiqu"),
        ("……", "x"),
        ("马" * 90, "m" * LONGEST),
    ],
)
def test_pinyin_if_short_and_initials_if_long(name: str, code: str) -> None:
    made = code_of(name)
    assert made == code


def test_a_code_that_is_given_further_down_is_not_made_above(folder: Path) -> None:
    replace("units.yaml", "code: north", "code: jiaoyuju")(folder)
    assert [one.code for one in read_plan(folder).units][:3] == ["jiaoyuju-2", "shicaizhengju", "jiaoyuju"]


def test_a_name_that_two_have_is_a_fault_only_where_it_is_used(folder: Path) -> None:
    two = "name: {zh: 北县, en: North County}\n    kind: county\n  - code: far\n    name: {zh: 北县, en: Far North}"
    replace("units.yaml", "name: {zh: 北县, en: North County}\n    aliases: [县北]", two)(folder)
    for file in ("units.yaml", "indicators.yaml"):
        replace(file, "县北", "north")(folder)
    assert [one.name.zh for one in read_plan(folder).units].count("北县") == 2
    replace("areas.yaml", "[财局, 各县]", "[财局, 北县]")(folder)
    expected = (
        'areas.yaml:7: areas[0].responsible[1]: "北县" – expected a code: this is the name of what stands on the '
    )
    assert said(folder) == [expected + "lines 10, 13"]


FAULTS: dict[str, tuple[Change, str]] = {
    "an alias that two have": (
        replace("units.yaml", "[县北]", "[县北, 财局]"),
        'units.yaml:11: units[2].aliases[1]: "财局" – expected a name that nothing else has; it is also on line 7',
    ),
    "an alias that is the name of another": (
        replace("units.yaml", "[县北]", "[市教育局]"),
        'units.yaml:11: units[2].aliases[0]: "市教育局" – expected a name that nothing else has; it is also on line 4',
    ),
    "a name that no code tells apart": (
        replace("units.yaml", "{zh: 南县, en: South County}", "{zh: 北县, en: South County}"),
        'units.yaml:13: units[3].name.zh: "北县" – expected a name that nothing else has; it is also on line 10',
    ),
    "an unknown name": (
        replace("areas.yaml", "lead: 市教育局", "lead: 省教育厅"),
        'areas.yaml:6: areas[0].lead: "省教育厅" – expected the code of a bureau, of a county or of the office '
        "in units.yaml",
    ),
    "one unit by two names": (
        replace("areas.yaml", "[财政局, 教育局]", "[财政局, 财局]"),
        'areas.yaml:14: areas[0].measures[1].lead[1]: "财局" – expected each code once; it is also on line 14',
    ),
    "neither code nor name": (
        replace("units.yaml", "{zh: 南县, en: South County}", "{en: South County}"),
        'units.yaml:13: units[3].name.zh: nothing – expected the key "zh"',
    ),
    "an area twice": (
        replace("plan.yaml", "note: {zh: 缺1项, en: 1 missing}", "note: {zh: 缺, en: x}\n  - {area: 一, name: 行动, "
                "declared: 3, enumerated: 2, note: 缺}"),
        'plan.yaml:26: declared[1].area: "一" – expected a code that no other entry has; it is also on line 21',
    ),
}  # fmt: skip


def said(folder: Path) -> list[str]:
    with pytest.raises(PlanProblemsError) as raised:
        read_plan(folder)
    zh = Language.of("zh")
    assert all(zh.gettext(one.expected) != one.expected for one in raised.value.problems)
    return [str(one) for one in raised.value.problems]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_file_line_and_what_was_expected(folder: Path, fault: str) -> None:
    change, expected = FAULTS[fault]
    change(folder)
    assert expected in said(folder)


def test_a_broken_file_of_units_calls_no_name_unknown(folder: Path) -> None:
    both(replace("units.yaml", "units:", "unit:"))(folder)
    assert {one.split(":")[0] for one in said(folder)} == {"units.yaml"}


def test_what_says_no_alias_is_stored_as_before() -> None:
    for one in (REAL, TINY):
        assert not any("aliases" in unit for unit in content_of(read_plan(one))["units"].values())
    document = read_plan(NAMES)
    assert document_of(content_of(document)).units == document.units


def test_a_unit_is_found_by_each_of_its_names(database: object, clock: Clock) -> None:
    document = read_plan(NAMES)
    with transaction() as session:
        plan_id = load_plan(session, document, actor=Actor("王五"), at=present.now()).id
    with transaction() as session:
        for name in ("shicaizhengju", "市财政局", "财局"):
            assert unit_of(session, plan_id, name).code == "shicaizhengju"
        assert unit_of(session, plan_id, "市教育局").code == "jiaoyuju"
        with pytest.raises(NotFoundError, match="nobody"):
            unit_of(session, plan_id, "nobody")
    assert "财政局、财局" in done("units", "--plan", "names")
