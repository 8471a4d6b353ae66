"""Phases by name: what people say, what runs in Prefect were told, and that the two always mean the same phase."""

import datetime as dt

from models.common.kinds import PhaseKind
from models.plan.phase import Phase, RunName, meant, run_names


def phase(code: str, period: str, ref: str, *days: str, kind: PhaseKind = PhaseKind.IMPLEMENTATION) -> Phase:
    starts, ends = map(dt.date.fromisoformat, days)
    return Phase(code=code, period=period, ref=ref, kind=kind, starts_on=starts, planned_ends_on=ends, ends_on=ends)


LAUNCH = phase("launch", "2022", "launch", "2022-11-01", "2022-12-31", kind=PhaseKind.LAUNCH)
FIRST = phase("implementation", "2023", "implementation-2023", "2023-01-01", "2023-12-31")
SECOND = phase("implementation", "2024", "implementation-2024", "2024-01-01", "2024-12-31")
PUSH = phase("攻坚", "2023-2024", "攻坚", "2023-11-01", "2024-02-28")
USUAL, MIXED = [LAUNCH, FIRST, SECOND], [LAUNCH, FIRST, SECOND, PUSH]


def test_the_years_of_an_implementation_go_by_their_year() -> None:
    assert meant(USUAL, "implementation", 2024) == [SECOND]
    assert meant(USUAL, "implementation") == [FIRST, SECOND]
    assert meant(USUAL, "implementation-2023") == [FIRST]
    assert meant(USUAL, "launch") == [LAUNCH]
    assert meant(USUAL, "launch", 2023) == []


def test_a_phase_of_another_code_goes_by_its_code_and_beside_years_does_not_hide_them() -> None:
    assert meant(MIXED, "攻坚") == meant(MIXED, "攻坚-2023-2024") == meant(MIXED, "攻坚/2023-2024") == [PUSH]
    assert meant(MIXED, "implementation", 2024) == [SECOND]
    assert meant([PUSH], "implementation") == [PUSH]  # by its kind, where nothing has that code
    assert meant([PUSH], "implementation", 2024) == [PUSH]


def test_runs_are_told_apart_however_they_were_told_of_their_phase() -> None:
    assert (LAUNCH.run_name, FIRST.run_name, PUSH.run_name) == (RunName(), RunName(2023), RunName(phase="攻坚"))
    names = {one.ref: run_names(one, MIXED) for one in MIXED}
    assert RunName(2023) in names["implementation-2023"]
    assert RunName(phase="implementation-2023") in names["implementation-2023"]
    assert {RunName(phase="攻坚"), RunName(2024, "攻坚"), RunName(phase="攻坚/2023-2024")} <= names["攻坚"]
    assert RunName() not in names["implementation-2023"]  # several could be meant: such a run opens none
    for one in MIXED:
        assert one.run_name in names[one.ref]
        assert not any(names[one.ref] & names[other.ref] for other in MIXED if other.kind is one.kind and other != one)
