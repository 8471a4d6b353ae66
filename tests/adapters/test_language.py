"""The languages: the catalogue is complete and sound, and dates and errors are said in the reader's words."""

import datetime as dt
import re
import subprocess
import sys
from collections import Counter

from adapters.language import STATUS_WORDS, Language
from models.common.errors import BlockedError, DubanError, IllegalMoveError, NotFoundError, Reason
from models.common.status import Status
from models.common.text import Text
from tests.support.catalogue import CATALOGUE, missing, placeholders, stale, translated

ZH = Language.of("zh")
EN = Language.of("en")


def test_every_text_has_a_chinese_translation() -> None:
    lacking = [f"{place}: {ids[0]}" for ids, place in missing().items()]

    assert lacking == [], "`python -m tests.support.catalogue` prints them ready to paste"


def test_the_catalogue_holds_nothing_in_vain() -> None:
    assert stale() == []


def test_every_text_is_translated_in_one_place() -> None:
    found = Counter(re.findall(r'^msgid "(.+)"$', CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE))
    assert [text for text, count in found.items() if count > 1] == []


def test_a_translation_has_the_placeholders_of_its_text() -> None:
    for ids, strings in translated().items():
        for text in (*ids, *filter(None, strings)):
            assert placeholders(text) == placeholders(ids[0]), text


def test_every_status_has_a_word() -> None:
    assert set(STATUS_WORDS) == {status.value for status in Status}


def test_a_date_carries_its_weekday() -> None:
    assert ZH.date(dt.date(2023, 1, 31)) == "2023年1月31日 星期二"
    assert EN.date(dt.date(2023, 1, 31)) == "Tuesday, 31 January 2023"


def test_a_text_and_its_plural() -> None:
    name = Text("龙沙区", "Longsha District")
    days = ("{days} working day left", "{days} working days left")

    assert (ZH.text(name), EN.text(name)) == ("龙沙区", "Longsha District")
    assert [EN.ngettext(*days, n) for n in (0, 1, 2)] == [days[1], days[0], days[1]]
    assert ZH.ngettext(*days, 1) == ZH.ngettext(*days, 2) == "还有 {days} 个工作日"


def test_the_header_of_the_catalogue_is_never_shown() -> None:
    assert ZH.gettext("") == ""


def test_an_unknown_text_is_said_as_it_is() -> None:
    assert ZH.say(DubanError("nobody translated {what}", what="this")) == "nobody translated this"


def test_an_error_is_said_in_the_language_with_its_facts() -> None:
    error = IllegalMoveError(
        "{ref} cannot become {after}: it is {before}",
        ref="R/longsha",
        after=Status.SUBMITTED,
        before=Status.ACCEPTED,
    )

    assert ZH.say(error) == "R/longsha 不能变为“已提交”：当前为“已办结”"
    assert EN.say(error) == str(error) == "R/longsha cannot become submitted: it is accepted"


def test_facts_with_a_language_of_their_own_are_put_into_it() -> None:
    error = NotFoundError(
        "{unit} {day} {all}",
        unit=Text("龙沙区", "Longsha"),
        day=dt.date(2023, 1, 31),
        all=[Text("一", "one"), Text("二", "two")],
    )

    assert ZH.say(error) == "龙沙区 2023年1月31日 星期二 一、二"
    assert EN.say(error) == "Longsha Tuesday, 31 January 2023 one, two"


def test_reasons_are_translated_one_by_one() -> None:
    error = BlockedError(
        "{reasons}",
        [Reason("{name}: is empty", name="报告.pdf"), Reason("{ref} ({status})", ref="R/edu", status=Status.ISSUED)],
    )

    assert EN.say(error) == str(error)
    assert ZH.say(error) == "报告.pdf：文件是空的；R/edu（已交办）"


def test_english_does_not_load_the_catalogue_reader() -> None:
    script = (
        "import sys; from adapters.language import Language; Language.of('en').gettext('x');"
        "sys.exit('babel.messages' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
