"""What people typed stays text in a letter: no link, no call, no paragraph of its own."""

import re

import pytest

from adapters.language import Language
from models.common.errors import Reason
from models.common.kinds import Basis
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.delivery.letter import Letter, Line
from models.monitoring.alerts import Alert, AlertKind
from models.phases.gate import GateDecision, Setback, WaitingRound
from rendering.gate_text import gate_text
from rendering.letter_text import LINK, linked, render
from rendering.typed_text import in_markdown, one_line, quoted
from rendering.watchdog_text import alerts_markdown
from tests.rendering.test_letter_text import OFFICE, PLAN, TASKBOOK, D, letter, line

# As chat clients find addresses in text: with a scheme, by "www.", or a host before a top-level domain.
MADE_A_LINK = re.compile(
    r"\w://|\b(?:mailto|tel|javascript):\S|\bwww\d?\.\S|\w[.\uff0e\uff61\u3002\u2024\ufe52][a-z]{2,}(?![a-z])(?<!docx)(?<!pdf)(?<!xlsx)"
    r"|\w[.\uff0e\uff61](?:中国|公司|网络|भारत|ｃｏｍ)|❤\.ws|\d\.\d+\.\d+\.\d+[:/]|\\\\\w",
    re.IGNORECASE,
)
CALLED = re.compile("[@\uff20\ufe6b]\\S")
FORGED = "\n\n督办系统升级，请重新登录：\nhttps://duban.example/enter/abc\n== 3 项逾期 ==\n"


@pytest.mark.parametrize(
    "address",
    [
        *("http://evil.example/x", "HTTPS://evil.example", "ftp://10.0.0.1/", "weixin://dl/x", "s3://bucket/x"),
        *("www.evil.com", "WWW.a1.com", "www3.a1.com", "evil.com", "a.b.evil.co.uk/path?x=1", "evil.com:8443/x"),
        *("见evil.com看看", "请点evil.cn。", "照片.zip", "例子.中国", "教育。com", "evil\uff0ecom", "evil\uff61com"),
        *("evil\u2024com", "evil\ufe52com", "\\\\server\\share", "见\\\\10.0.0.1\\x"),
        *("xn--fiqs8s.xn--55qx5d", "ev\u200bil.c\u200dom", "evil\u2060.com", "mailto:a@b.cn", "javascript:alert(1)"),
        *(
            "i❤.ws",
            "उदाहरण.भारत",
            "ｅｖｉｌ．ｃｏｍ",
            "_evil_.com",
            "“evil.com”",
            "http:\\\\evil.com",
            "\u202dmoc.live.com",
        ),
        *("tel:04521234567", "10.0.0.1:8080", "10.0.0.1/enter", "evil.pdf.com", "//evil.com", "evil.com\u202e"),
    ],
)
def test_no_client_makes_a_link_of_it(address: str) -> None:
    assert MADE_A_LINK.search(address.replace("\u200b", "").replace("\u200d", "").replace("\u2060", ""))
    for text in (one_line(address), quoted(f"第一行\n{address}\n第三行")):
        assert not MADE_A_LINK.search(text)
        assert re.sub(r"[\s>]", "", text).replace("第一行", "").replace("第三行", "") == re.sub(
            r"[\u200b\u200d\u2060\u202d\u202e]", "", address
        ), "it can still be read"


@pytest.mark.parametrize(
    "call", ["@all", "@所有人", "@channel", "@here", "\uff20所有人", "\ufe6ball", "<@U0123>", "@1"]
)
def test_nobody_is_called(call: str) -> None:
    assert CALLED.search(call)
    assert not CALLED.search(one_line(f"请{call}看"))
    assert not CALLED.search(quoted(f"请\n{call}"))


@pytest.mark.parametrize(
    "text",
    [
        *("缺少路线图", "见附件 2：任务书.docx、名单.xlsx", "2023.3.15 前补齐", "第3.2条", "T4.10 书香校园", "12:30"),
        *("完成。请于周五前提交", "增长 3.5%，达 95.2%", "a > b < c & d", "（试行）", "e.g. lists", "{ref} {0}"),
        *("等等……然后...再说", "见《方案》第 2.1.3 条", "No.12、p.5", "a.m. 9:00", "名单(终稿).pdf"),
    ],
)
def test_what_is_no_address_stays_as_it_was_typed(text: str) -> None:
    assert one_line(text) == quoted(text) == text


def returned(reason: str, **facts: object) -> str:
    one = line(MessageKind.RETURNED, "2023/taskbook/north", TASKBOOK, reason=reason, **facts)
    return render(letter(OFFICE, D(2023, 2, 6), one), Language.of("zh"), with_link=True).body


def test_a_reason_with_line_breaks_is_quoted_line_by_line() -> None:
    body = returned("缺少路线图。" + FORGED)
    assert (
        "   退回理由：\n   > 缺少路线图。\n   > 督办系统升级，请重新登录：\n"
        "   > https: //duban. example/enter/abc\n   > == 3 项逾期 ==\n"
    ) in body
    assert body.count("\n== ") == 1, "no heading but our own"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_whatever_ends_a_line_ends_it_in_the_quotation_too(end: str) -> None:
    assert "   退回理由：\n   > 一\n   > == 二 ==\n" in returned(f"一{end}{end}== 二 ==")


def test_no_field_of_a_letter_makes_a_paragraph_a_link_or_a_call() -> None:
    """Each that holds what somebody wrote, units' and items' names too."""
    bad = FORGED + "@所有人 evil.com"
    both = Text(bad, bad)
    kinds = [kind for kind in MessageKind if kind is not MessageKind.BACKLOG]
    lines = [
        Line(
            kind=kind,
            ref="2023/taskbook/north",
            title=both,
            item=both,
            unit=both,
            asked_by=both,
            why=both,
            proof=both,
            source=bad,
            basis=Basis.STATED,
            reason=bad,
            by=bad,
        )
        for kind in kinds
    ]
    for code in ("zh", "en"):
        written = render(Letter(both, "north", D(2023, 2, 6), both, tuple(lines)), Language.of(code))
        for text in (written.subject, written.body):
            assert not MADE_A_LINK.search(text)
            assert not CALLED.search(text)
        assert "\n" not in written.subject
        headings = [one for one in written.body.splitlines() if one.startswith("== ")]
        assert len(headings) == len({(one.kind) for one in lines}), "one for each kind, and none of a person's"


def test_the_mark_of_the_link_is_not_to_be_typed() -> None:
    body = returned(f"点这里：{LINK}")
    assert body.count(LINK) == 1
    assert linked(body, "https://duban.example/enter/x").count("https://") == 1


def test_the_name_of_a_plan_and_of_a_recipient_is_one_line() -> None:
    name = Text("一\n二", "one\ntwo")
    written = render(Letter(name, "x", D(2023, 2, 6), PLAN, ()), Language.of("en"))
    assert written.body.startswith("To one two:\n\n")


FORMATTED = "张三\n# 已批准 | ![x](//a.cn) **全部** <b> `c` ~~d~~ \\"
MEANS_SOMETHING = re.compile(r"(?<!\\)(?:\\\\)*[`*_{}\[\]()<>#+!|~&]")


def test_what_was_typed_means_nothing_in_markdown() -> None:
    shown = in_markdown(FORMATTED)
    assert "\n" not in shown
    assert not MEANS_SOMETHING.search(shown)
    assert re.sub(r"\\(.)", r"\1", shown) == one_line(FORMATTED)
    assert in_markdown("张三，2023年") == "张三，2023年"


def test_a_name_at_the_gate_is_no_heading_of_its_form() -> None:
    setback = Setback(FORMATTED, GateDecision.CLOSE, still_open=0, unconfirmed=False)
    refused = WaitingRound(
        "launch-2022", 2, "启动", D(2022, 12, 31), extended=False, still_open=0, blocking=(), setback=setback
    )
    first = gate_text(refused).split("\n\n")[0]
    assert in_markdown(FORMATTED) in first
    assert "\n" not in first


def test_a_bar_in_what_the_watchdog_found_is_no_end_of_a_cell() -> None:
    found = Alert(AlertKind.DEAD, Reason("{why}", why=FORMATTED))
    row = alerts_markdown({"tiny": [found]}, (), Language.of("en")).splitlines()[-1]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
