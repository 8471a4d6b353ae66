"""Targets that name who answers for them and what each county has to reach: entered, judged, changed, and shown."""

import dataclasses
import datetime as dt
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import read_session, transaction
from adapters.language import Language
from deploy.cli.operation.access import office_scope, unit_scope
from models.acceptance.dossier import dossier, item_of
from models.acceptance.summary import summary_of
from models.bulletins.bulletin import Bulletin
from models.changes.carry_out import Heading
from models.changes.orders import Orders
from models.common.errors import BlockedError
from models.indicators.attainment import Attainment, Outcome, attainments
from models.indicators.reading import Change
from models.plan.content import document_of
from models.plan.document import Counted, IndicatorEntry, PlanDocument, QuotaEntry
from models.plan.indicator import Indicator
from models.plan.plan import plan_of, versions_of
from rendering.acceptance_report import excel
from services import bulletins, change_sets
from services.indicators import readings
from services.indicators.readings import EnteredFigure, FigureInput
from tests.deploy.test_cli import done
from tests.services.parties.conftest import PARTIES
from tests.services.test_readings import confirm, upload
from tests.support.portal_client import enter
from tests.support.story import DIRECTOR, Story
from tests.support.workbooks import figures as workbook_of

MET, NOT_MET, NO_DATA = Outcome.MET, Outcome.NOT_MET, Outcome.NO_DATA
ENGLISH = Language.of("en")


@pytest.fixture
def summer(team: Story) -> Story:
    """On the last day of June the north has what it should have, and the south has not."""
    team.at("2023-06-30")
    put("north", ("I03", "2023", "north", 33))
    put("south", ("I03", "2023", "south", 15))
    return team


def put(by: str, *rows: tuple[str, str, str | None, float | None]) -> list[EnteredFigure]:
    wanted = [
        FigureInput(code, period, unit, None if value is None else float(value), words="统计月报")
        for code, period, unit, value in rows
    ]
    return readings.enter(unit_scope(None, by, "张三"), wanted)


def stands(code: str, on: str | None = None) -> Attainment:
    with read_session() as session:
        plan = plan_of(session)
        day = dt.date.fromisoformat(on) if on else plan.day_of(clock.now())
        return next(one for one in attainments(session, plan, day) if one.indicator.code == code)


def of_units(code: str, on: str | None = None) -> dict[str, Outcome]:
    return {one.unit: one.attained.outcome for one in stands(code, on).of_units}


def said(code: str, on: str | None = None) -> list[str]:
    return [str(remark) for remark in stands(code, on).remarks]


def target(code: str, edit: Callable[[IndicatorEntry], IndicatorEntry]) -> PlanDocument:
    """The plan as it is stored, with one of its targets edited."""
    with read_session() as session:
        document = document_of(plan_of(session).content)
    changed = tuple(edit(one) if one.code == code else one for one in document.indicators)
    return dataclasses.replace(document, indicators=changed)


def change(document: PlanDocument | None, **orders: Any) -> change_sets.Outcome:
    heading = Heading("调整指标", "上级要求", "办发〔2023〕7号", dt.date(2023, 1, 1))
    return change_sets.carry_out(office_scope("parties", DIRECTOR), document, Orders(**orders), heading)


def indicator_id(code: str) -> int:
    with read_session() as session:
        return session.scalars(select(Indicator.id).where(Indicator.code == code)).one()


# ---- two counties with quotas


def test_one_county_meets_its_quota_and_the_other_does_not(summer: Story) -> None:
    assert (stands("I03").outcome, stands("I03").value) == (NOT_MET, 48.0)
    assert of_units("I03") == {"north": MET, "south": NOT_MET}
    assert said("I03") == ["short of their own quota: South County", "Culture Bureau answers for it"]


def test_the_day_of_the_target_passes(summer: Story) -> None:
    assert not stands("I03", "2023-10-31").is_over
    assert stands("I03", "2023-11-01").is_over
    summer.at("2023-11-06")
    put("south", ("I03", "2023", "south", 20))
    assert stands("I03").outcome is MET
    assert said("I03") == ["entered on 2023-11-06, after 2023-10-31 by which it was due"]
    assert of_units("I03", "2023-11-05") == {"north": MET, "south": NOT_MET}  # as it was known then


def test_who_answers_is_named_from_the_day_on_which_a_figure_is_missing(team: Story) -> None:
    assert said("I05", "2023-06-25") == []
    assert said("I05", "2023-06-26") == ["no figure for 2023H1", "Health Bureau answers for it"]


def test_a_quota_that_changes_in_mid_course_leaves_what_was_judged(summer: Story) -> None:
    put("south", ("I03", "2023", "south", 22))
    assert (stands("I03").outcome, of_units("I03")) == (MET, {"north": MET, "south": MET})
    summer.at("2023-07-03")
    quotas = (QuotaEntry("north", (30.0,)), QuotaEntry("south", (25.0,)))
    changed = change(target("I03", lambda one: dataclasses.replace(one, value=(60.0,), quotas=quotas)))
    assert (changed.number, changed.touched) == (1, ())  # no work that runs is touched
    with read_session() as session:
        assert versions_of(session, plan_of(session))[-1].changes == [
            "indicators.I03.value: [50.0] → [60.0]",
            "indicators.I03.quotas.south.value: [20.0] → [25.0]",
        ]
    assert (stands("I03").outcome, of_units("I03")) == (NOT_MET, {"north": MET, "south": NOT_MET})
    assert of_units("I03", "2023-06-30") == {"north": MET, "south": MET}
    assert stands("I03", "2023-06-30").outcome is MET


def test_a_quota_alone_that_changes_is_kept_as_well(summer: Story) -> None:
    summer.at("2023-07-03")
    quotas = (QuotaEntry("north", (35.0,)), QuotaEntry("south", (15.0,)))
    change(target("I03", lambda one: dataclasses.replace(one, quotas=quotas)))
    assert of_units("I03") == {"north": NOT_MET, "south": MET}
    assert of_units("I03", "2023-07-02") == {"north": MET, "south": NOT_MET}


def test_the_lead_changes_by_a_change_set_and_a_second_time_nothing_does(summer: Story) -> None:
    document = target("I05", lambda one: dataclasses.replace(one, lead="finance"))
    assert change(document).number == 1
    assert change(document).is_empty
    put("finance", ("I05", "2023H1", None, 91))
    with pytest.raises(BlockedError):
        put("health", ("I05", "2023H1", None, 92))


def test_a_county_that_merges_takes_its_quota_with_it(summer: Story) -> None:
    change(None, successors={"north": ("south",)})
    quotas = {one.unit: one.attained.target.en for one in stands("I03").of_units}
    assert quotas == {"south": "≥ 50 points"}  # a number in a sum is added
    assert {one.unit: one.attained.target.en for one in stands("I04").of_units} == {"south": "4–8 rounds"}


def test_a_county_with_a_quota_is_split_by_changed_files_alone(summer: Story) -> None:
    with pytest.raises(BlockedError) as blocked:
        change(None, successors={"north": ("south", "health")})
    assert "north has a quota of I03 and is split: say in the files what each has to reach" in str(blocked.value)


def test_who_leads_a_target_cannot_be_closed_without_another_lead(summer: Story) -> None:
    with pytest.raises(BlockedError) as blocked:
        change(None, successors={"culture": ()})
    assert "culture leads I03; say which unit leads it from now on" in str(blocked.value)


# ---- who may enter the city's figure


def test_an_owner_enters_the_citys_figure_and_a_stranger_is_refused(summer: Story) -> None:
    assert [one.change for one in put("health", ("I05", "2023H1", None, 92))] == [Change.NEW]
    assert [one.change for one in put("edu", ("I03", "2023", None, 50))] == [Change.NEW]  # a co-lead
    with pytest.raises(BlockedError, match="expected a figure of Finance Bureau: a unit enters its own alone"):
        put("finance", ("I05", "2023H1", None, 95))
    with pytest.raises(BlockedError, match="which the office or its lead enters: health"):
        put("finance", ("I05", "2023H1", "finance", 95))
    with pytest.raises(BlockedError, match="expected a figure of Culture Bureau, or of the whole city"):
        put("culture", ("I03", "2023", "north", 40))
    assert (stands("I05").value, stands("I03").value) == (92.0, 50.0)
    put("office", ("I05", "2023H1", None, 93))  # the office as before
    assert stands("I05").value == 93.0


def test_on_its_page_the_owner_sees_the_whole_and_enters_it(summer: Story) -> None:
    one = indicator_id("I03")
    culture = enter("parties", "culture")
    page = culture.get(f"/indicators/{one}").text
    for shown in ("Culture Bureau", "Education Bureau", "All counties", "Quotas of the units", "North County"):
        assert shown in page
    culture.post(f"/indicators/{one}", period="2023", unit="", value="47", words="月报")
    assert (stands("I03").value, stands("I03").is_over) == (47.0, False)
    culture.get(f"/indicators/{one}")
    culture.post(f"/indicators/{one}", period="2023", unit="north", value="99", words="月报", status=404)
    assert "You answer for it." in culture.get("/indicators").text


def test_a_county_sees_its_own_quota_and_not_the_figures_of_others(summer: Story) -> None:
    one = indicator_id("I03")
    south = enter("parties", "south")
    listed = south.get("/indicators").text
    assert "≥ 20 points" in listed
    assert "not met" in listed
    page = south.get(f"/indicators/{one}").text
    assert "Our quota" in page
    assert "33" not in page.split("<main")[1]
    south.post(f"/indicators/{one}", period="2023", unit="", value="21", words="月报")
    assert of_units("I03") == {"north": MET, "south": MET}


def test_a_stranger_does_not_find_the_page(summer: Story) -> None:
    enter("parties", "finance").get(f"/indicators/{indicator_id('I05')}", status=404)
    enter("parties", "health").get(f"/indicators/{indicator_id('I05')}")


# ---- workbooks


def test_a_workbook_says_the_quota_and_the_preview_whether_it_is_reached(summer: Story, tmp_path: Path) -> None:
    file = tmp_path / "south.xlsx"
    done("indicator", "import", "--template", str(file), "--as", "south")
    book = load_workbook(file)
    sheet = book.worksheets[0]
    head = [cell.value for cell in sheet[1]]
    rows = {row[0]: dict(zip(head, row, strict=True)) for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert (rows["I03"]["分解任务数"], rows["I04"]["分解任务数"]) == ("≥ 20 个", "4–8 次")
    assert not rows["I01"]["分解任务数"]
    assert "I05" not in rows  # one figure for the whole city, which health enters
    for row in sheet.iter_rows(min_row=2):
        if row[0].value == "I03":
            row[head.index("数值")].value = 19
            row[head.index("数据来源")].value = "月报"
    book.save(file)
    told = done("indicator", "import", str(file), "--as", "south", "--preview")
    assert "15 → 19" in told
    assert "分解任务数 ≥ 20 个，未达到" in told


def test_the_page_that_brings_a_workbook_in_judges_each_county_by_its_own(summer: Story) -> None:
    office = enter("parties", "office")
    upload(office, workbook_of(("I03", 2023, "north", 29), ("I03", 2023, "south", 20), ("I03", 2023, None, 49)))
    for shown in ("quota ≥ 30 points, not met", "quota ≥ 20 points, met"):
        assert shown in office.page.text
    assert office.page.text.count("quota ≥") == 2  # the city has a target and no quota
    confirm(office)
    assert of_units("I03") == {"north": NOT_MET, "south": MET}


def test_a_lead_brings_the_citys_figure_in_and_a_stranger_does_not(summer: Story) -> None:
    health, finance = (enter("parties", unit) for unit in ("health", "finance"))
    content = workbook_of(("I05", "2023H1", "全市", 91))
    upload(finance, content, status=422)
    assert "a unit enters its own alone" in finance.page.text
    upload(health, content)
    confirm(health)
    assert stands("I05").value == 91.0


def test_the_template_of_an_owner_asks_for_the_citys_figure(summer: Story, tmp_path: Path) -> None:
    file = tmp_path / "health.xlsx"
    done("indicator", "import", "--template", str(file), "--as", "health")
    rows = [row[:4] for row in load_workbook(file).worksheets[0].iter_rows(min_row=2, values_only=True)]
    assert ("I05", "群众满意度", "2023H1", "全市") in rows


# ---- where it is shown


def test_commands_show_owners_quotas_and_what_is_declared(summer: Story, tmp_path: Path) -> None:
    facts = {one["code"]: one for one in json.loads(done("indicator", "show", "--json"))}
    assert (facts["I03"]["leads"], facts["I03"]["responsible"]) == (["culture", "edu"], ["counties"])
    assert facts["I03"]["due"] == "2023-10-31"
    assert facts["I04"]["due_day"] == {"every": "quarter", "day": 10, "month": "next-month"}
    assert [(one["unit"], one["target"], one["outcome"]) for one in facts["I03"]["quotas"]] == [
        ("north", "≥ 30 points", "met"),
        ("south", "≥ 20 points", "not_met"),
    ]
    shown = done("indicator", "show", "I03")
    assert "牵头：culture、edu" in shown
    assert "≥ 20 个" in shown
    done("indicator", "show", "--output", str(tmp_path / "all.xlsx"))
    assert load_workbook(tmp_path / "all.xlsx").sheetnames == ["指标完成情况", "分解任务", "指标数据"]


def test_check_and_preview_say_who_answers_and_what_does_not_add_up(tmp_path: Path) -> None:
    import shutil  # noqa: PLC0415

    folder = Path(shutil.copytree(PARTIES, tmp_path / "plan"))
    checked = done("plan", "check", str(folder))
    assert "文旅局、教育局" in checked
    assert "北县 30、南县 20" in checked
    assert "每季度次月10日前" in checked
    assert "指标（方案所称）: 12" in checked
    assert "举措（方案所称）: 10" in checked
    assert "合计" not in checked
    known = json.loads(done("plan", "preview", str(folder), "--json"))
    assert known["declared"] == {
        "measures": {"declared": 10, "enumerated": 8},
        "indicators": {"declared": 12, "enumerated": 5},
    }
    assert {one["code"]: one["quotas"] for one in known["targets"] if one["quotas"]} == {
        "I03": {"north": [30.0], "south": [20.0]},
        "I04": {"north": [6.0, 12.0], "south": [4.0, 8.0]},
    }
    file = folder / "indicators.yaml"
    file.write_text(file.read_text("utf-8").replace("south: 20}", "south: 30}"), "utf-8")
    for command in ("check", "preview"):
        assert "I03：各单位分解任务数合计 60，指标为 50" in done("plan", command, str(folder))


def test_the_office_sees_the_plan_its_counts_and_its_targets(summer: Story) -> None:
    office = enter("parties", "office")
    plan = office.get("/plan").text
    for shown in ("Declared and enumerated", "Key measures", "Who answers for targets", "every quarter, by day 10"):
        assert shown in plan
    assert "short of their own quota: South County" in office.get("/indicators").text
    assert "2 are not named" in office.get("/acceptance").text
    assert "方案所称" in done("plan", "show")


def test_the_dossier_names_who_answers(summer: Story) -> None:
    day = dt.date(2023, 6, 30)
    with read_session() as session:
        plan = plan_of(session)
        judged, nobody, other = (
            dossier(session, plan, item_of(session, plan, one), day) for one in ("I03", "I04", "I01")
        )
        assert [unit.code for unit in judged.leads] == ["culture", "edu"]
        assert [str(reason) for reason in judged.reasons] == ["the target I03 is not met"]
        assert (nobody.leads, other.leads) == ((), ())  # one names nobody, the other stands in no area
    page = enter("parties", "office").get("/acceptance/items/I03").text
    assert "Culture Bureau answers for it" in page


def test_the_bulletin_names_who_answers_and_who_is_short_of_a_quota(summer: Story) -> None:
    summer.open("implementation")
    summer.at("2023-07-03")
    made = bulletins.make(office_scope("parties", DIRECTOR), "2023-06")
    with read_session() as session:
        report = bulletins.report(session, plan_of(session), session.get_one(Bulletin, made.id), ENGLISH)
        tables = {table.name: [*table.rows] for table in report.tables()}
    assert tables["Quotas"][:2] == [
        ["I03 Service points", "South County", "≥ 20 points", "2023", "15", "-5", "not met"],
        ["I03 Service points", "North County", "≥ 30 points", "2023", "33", "3", "met"],
    ]
    remarks = {row[0]: row[-1] for row in tables["Indicators"]}
    assert remarks["I03 Service points"] == "short of their own quota: South County; Culture Bureau answers for it"


def test_the_report_of_the_acceptance_gives_both_figures(summer: Story) -> None:
    with read_session() as session:
        summary = summary_of(session, plan_of(session), dt.date(2023, 6, 30))
    assert summary.measures == (10, 8, 2)
    assert {of: one.missing for of, one in summary.in_all.items()} == {Counted.MEASURES: 2, Counted.INDICATORS: 7}
    rows = load_workbook(io.BytesIO(excel(summary, ENGLISH)))["Measures"].iter_rows(values_only=True)
    assert [row[1] for row in rows if row[0] == "-"] == ["- (1/2)", "- (2/2)"]


def test_withdrawing_a_measure_keeps_the_counts_of_the_whole_true(summer: Story) -> None:
    change(None, withdrawn=("T1.5",))
    with transaction() as session:
        document = document_of(plan_of(session).content)
    assert [(one.declared, one.enumerated) for one in document.declared_in_all] == [(10, 7), (12, 5)]
