"""Names of files fit, keep their endings, and stay apart."""

from hypothesis import given
from hypothesis import strategies as st

from models.common.file_names import LONGEST_NAME, distinct, fitting

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=300)


@given(stem=TEXT, ending=st.sampled_from(["", ".pdf", ".docx"]), before=st.integers(0, 12))
def test_a_name_fits_and_stays_apart_from_others(stem: str, ending: str, before: int) -> None:
    taken: set[str] = set()
    for _ in range(before + 1):
        name = distinct(f"名{stem}{ending}", taken.__contains__)
        assert len(name.encode()) <= LONGEST_NAME
        assert name.endswith(ending)
        assert name not in taken
        taken.add(name)


def test_a_name_that_fits_stays_as_it_is() -> None:
    for name in ("报告.pdf", ".pdf", "无", "a.b.c", "关" * 85, "x" * 251 + ".pdf"):
        assert fitting(name) == name


def test_no_character_is_split() -> None:
    assert fitting("a" + "关" * 85 + ".pdf") == "a" + "关" * 83 + ".pdf"
    assert fitting("𠮷" * 64) == "𠮷" * 63
