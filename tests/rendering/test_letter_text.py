"""What the notices say, to the letter: the wording is the product here."""

# ruff: noqa: E501 - the lines of a notice are as long as they are

import dataclasses
import datetime as dt
from typing import Any

import pytest

from adapters.language import Code, Language
from models.changes.change_set import Touch
from models.common.kinds import Basis
from models.common.message_kinds import MessageKind, OrderColour
from models.common.text import Text
from models.delivery.letter import Contact, Letter, Line
from rendering.letter_text import WORDINGS, render

D = dt.date
PLAN = Text("区域教育中心实施方案", "Regional education centre plan")
LONGSHA = Text("龙沙区", "Longsha District")
JIANHUA = Text("建华区", "Jianhua District")
OFFICE = Text("领导小组办公室", "Leading-group office")
BUREAU = Text("市教育局", "Education bureau")
TASKBOOK = Text("年度任务书、路线图、时间表", "Yearly task book, roadmap and timetable")
DELIVERY = Text("举措年度落实情况", "What the measure delivered this year")
PROGRESS = Text("季度进展报告", "Quarterly progress report")
REPORT_PROOF = Text("盖章的报告一份", "One report with the unit's seal")


def line(kind: MessageKind, ref: str, title: Text, **facts: Any) -> Line:
    return Line(kind=kind, ref=ref, title=title, **facts)


def letter(to: Text, on: dt.date, *lines: Line) -> Letter:
    return Letter(to, "code", on, PLAN, lines)


def delivery(kind: MessageKind, measure: str, zh: str, en: str, **facts: Any) -> Line:
    return line(kind, f"2023-{measure}-longsha", DELIVERY, item=Text(f"{measure} {zh}", f"{measure} {en}"), **facts)


def _new_work() -> Letter:
    """Three requirements, one of them with five items of which one has a proof of its own."""
    shared: dict[str, Any] = {
        "due_on": D(2023, 12, 20),
        "working_days_left": 233,
        "basis": Basis.INFERRED,
        "asked_by": BUREAU,
        "why": Text("年底要看到每项举措办成了什么", "At the end of the year it must show what each measure achieved"),
    }
    lists = Text("名单和照片", "Lists and photographs")
    new = MessageKind.ISSUED
    return letter(
        LONGSHA,
        D(2023, 1, 10),
        delivery(new, "T4.10", "打造书香校园", "Reading at school", proof=lists, **shared),
        delivery(new, "T4.2", "打造体育教育特色", "Sport", proof=lists, **shared),
        delivery(new, "T4.3", "打造美育教育特色", "Arts", proof=lists, **shared),
        delivery(new, "T4.5", "打造数字教育特色", "Digital education", proof=lists, **shared),
        delivery(new, "T4.6", "打造科学实践特色", "Science", proof=Text("馆校协议", "Museum agreements"), **shared),
        line(
            new,
            "2023-taskbook-longsha",
            TASKBOOK,
            due_on=D(2023, 1, 31),
            working_days_left=12,
            asked_by=OFFICE,
            why=Text("先定目标和时间，再分头落实", "Goals and dates come first, then the work"),
            proof=Text("印发的任务书、路线图和时间表", "The issued task book, roadmap and timetable"),
            source="三（二）",
        ),
        line(
            new,
            "2023Q1-progress-longsha",
            PROGRESS,
            due_on=D(2023, 4, 3),
            planned_due_on=D(2023, 3, 31),
            working_days_left=56,
            basis=Basis.INFERRED,
            asked_by=OFFICE,
            proof=REPORT_PROOF,
        ),
    )


LETTERS = {
    "new_work": _new_work(),
    "blue_reminder": letter(
        LONGSHA,
        D(2023, 1, 30),
        line(
            MessageKind.REMINDER,
            "2023-taskbook-longsha",
            TASKBOOK,
            due_on=D(2023, 1, 31),
            working_days_left=1,
            order=OrderColour.BLUE,
            proof=REPORT_PROOF,
        ),
    ),
    "due_today": letter(
        LONGSHA,
        D(2023, 1, 31),
        line(
            MessageKind.REMINDER,
            "2023-taskbook-longsha",
            TASKBOOK,
            due_on=D(2023, 1, 31),
            working_days_left=0,
        ),
    ),
    "overdue_unit": letter(
        LONGSHA,
        D(2023, 2, 1),
        line(MessageKind.ACCEPTED, "2022-scheme-longsha", Text("落实方案", "Local plan"), by="王敏"),
        line(
            MessageKind.OVERDUE,
            "2023-taskbook-longsha",
            TASKBOOK,
            unit=LONGSHA,
            due_on=D(2023, 1, 31),
            working_days_left=-1,
            order=OrderColour.RED,
            why=Text("任务书未交，全年工作无从安排", "Without the task book the year cannot be planned"),
            proof=REPORT_PROOF,
        ),
    ),
    "overdue_office": letter(
        OFFICE,
        D(2023, 2, 3),
        *(
            line(
                MessageKind.OVERDUE,
                f"2023-taskbook-{code}",
                TASKBOOK,
                unit=unit,
                due_on=D(2023, 1, 31),
                working_days_left=-3,
                order=OrderColour.RED,
            )
            for code, unit in (("longsha", LONGSHA), ("jianhua", JIANHUA))
        ),
        line(
            MessageKind.UNSIGNED,
            "2023Q1-progress-jianhua",
            PROGRESS,
            unit=JIANHUA,
            due_on=D(2023, 3, 31),
            working_days_left=40,
        ),
    ),
    "returned": letter(
        LONGSHA,
        D(2023, 2, 6),
        line(
            MessageKind.RETURNED,
            "2023-taskbook-longsha",
            TASKBOOK,
            due_on=D(2023, 2, 9),
            working_days_left=3,
            order=OrderColour.YELLOW,
            reason="缺少路线图",
            by="王敏",
            proof=REPORT_PROOF,
        ),
    ),
    "verdict": letter(
        BUREAU,
        D(2025, 11, 5),
        line(
            MessageKind.VERDICT,
            "T3.2",
            Text("规范招生入学行为", "Admissions"),
            due_on=D(2025, 12, 5),
            reason="缺少招生统计",
            by="王敏",
            about="conditional",
        ),
    ),
    "extension_granted": letter(
        LONGSHA,
        D(2023, 1, 30),
        line(
            MessageKind.EXTENSION_GRANTED,
            "2023-taskbook-longsha",
            TASKBOOK,
            due_on=D(2023, 2, 10),
            planned_due_on=D(2023, 1, 31),
            working_days_left=9,
            reason="等待上级文件",
            by="王敏",
            proof=REPORT_PROOF,
        ),
    ),
    "objection": letter(
        OFFICE,
        D(2023, 2, 8),
        line(
            MessageKind.COMPLAINT,
            "complaint-12",
            Text("投诉", "Complaint"),
            unit=JIANHUA,
            reason="同一份报表要求报送三次",
            by="李强",
        ),
        line(
            MessageKind.OBJECTION,
            "2023-taskbook-longsha",
            TASKBOOK,
            unit=LONGSHA,
            due_on=D(2023, 2, 9),
            working_days_left=1,
            reason="路线图在附件二",
            by="张强",
            about="return",
        ),
    ),
    "objection_upheld": letter(
        LONGSHA,
        D(2023, 2, 10),
        line(
            MessageKind.OBJECTION_UPHELD,
            "2023-taskbook-longsha",
            TASKBOOK,
            unit=LONGSHA,
            due_on=D(2023, 2, 20),
            working_days_left=6,
            reason="系统故障属实",
            by="王敏",
            about="light",
        ),
    ),
    "objection_dismissed": letter(
        LONGSHA,
        D(2023, 2, 10),
        line(
            MessageKind.COMPLAINT_ANSWERED,
            "suggestion-13",
            Text("建议", "Suggestion"),
            unit=LONGSHA,
            reason="自第二季度起提供模板",
            by="王敏",
        ),
        line(
            MessageKind.OBJECTION_DISMISSED,
            "2023-taskbook-longsha",
            TASKBOOK,
            unit=LONGSHA,
            due_on=D(2023, 2, 9),
            working_days_left=-1,
            reason="附件二不是路线图",
            by="王敏",
            about="return",
        ),
    ),
    "gate_ready": letter(
        OFFICE,
        D(2023, 12, 28),
        line(
            MessageKind.GATE_READY,
            "implementation-2023",
            Text("实施阶段（2023年，推进年）", "Implementation, 2023"),
            due_on=D(2023, 12, 31),
            working_days_left=1,
        ),
    ),
    "set_aside": letter(
        OFFICE,
        D(2024, 3, 1),
        line(
            MessageKind.SET_ASIDE,
            "2023/delivery/T3.2/longsha",
            DELIVERY,
            unit=LONGSHA,
            due_on=D(2023, 12, 20),
            working_days_left=-50,
            reason="OverflowError: date value out of range",
        ),
    ),
    "backlog": letter(
        OFFICE,
        D(2024, 3, 1),
        line(MessageKind.BACKLOG, "2023-delivery", DELIVERY, due_on=D(2023, 12, 20), count=912),
        line(MessageKind.BACKLOG, "2023-taskbook", TASKBOOK, due_on=D(2023, 1, 31), count=1),
    ),
    "provisional": letter(
        LONGSHA,
        D(2026, 12, 31),
        line(
            MessageKind.REMINDER,
            "2027-taskbook-longsha",
            TASKBOOK,
            due_on=D(2027, 2, 1),
            planned_due_on=D(2027, 1, 31),
            working_days_left=22,
            provisional=True,
        ),
    ),
}

FOOTERS: dict[Code, str] = {
    "zh": """

异议：对交办、期限、退回或亮灯有异议，请写明编号和理由，向领导小组办公室提出。
建议：通知不清楚、太频繁，或要求重复报送的，请告诉领导小组办公室。
""",
    "en": """

Objections: if you disagree with an item, a date, a return or a light, write to the leading-group office with the reference and your reasons.
Suggestions: if a notice is unclear, comes too often, or asks for something you handed in before, tell the leading-group office.
""",
}

# Subject, an empty line, and the body without the footer that all of them carry.
EXPECTED: dict[tuple[str, Code], str] = {
    ("new_work", "zh"): """\
【督办】龙沙区：新交办 7 件

龙沙区：

《区域教育中心实施方案》
督办通知（2023年1月10日 星期二）：新交办 7 件。

== 新交办 7 件 ==
下一步：请先签收，并由经办人在期限前提交佐证材料。预计不能按期完成的，请在期限前申请延期。
录入命令：duban sign 编号 --by 姓名（无法使用命令的，请告知领导小组办公室代为录入）

1. 年度任务书、路线图、时间表
   期限：2023年1月31日 星期二（还有 12 个工作日）
   为什么办：先定目标和时间，再分头落实
   佐证材料：印发的任务书、路线图和时间表
   交办单位：领导小组办公室
   方案出处：三（二）
   编号：2023-taskbook-longsha

2. 季度进展报告
   期限：2023年4月3日 星期一（还有 56 个工作日）
   期限说明：原定 2023年3月31日 星期五；日期为推定，方案未写明
   佐证材料：盖章的报告一份
   交办单位：领导小组办公室
   编号：2023Q1-progress-longsha

3. 举措年度落实情况（5 件）
   期限：2023年12月20日 星期三（还有 233 个工作日）
   期限说明：日期为推定，方案未写明
   为什么办：年底要看到每项举措办成了什么
   交办单位：市教育局
   - T4.2 打造体育教育特色（编号：2023-T4.2-longsha）
     佐证材料：名单和照片
   - T4.3 打造美育教育特色（编号：2023-T4.3-longsha）
     佐证材料：名单和照片
   - T4.5 打造数字教育特色（编号：2023-T4.5-longsha）
     佐证材料：名单和照片
   - T4.6 打造科学实践特色（编号：2023-T4.6-longsha）
     佐证材料：馆校协议
   - T4.10 打造书香校园（编号：2023-T4.10-longsha）
     佐证材料：名单和照片""",
    ("new_work", "en"): """\
[Duban] Longsha District: 7 new

To Longsha District:

Regional education centre plan
Notice of Tuesday, 10 January 2023: 7 new.

== 7 new ==
What to do: Please sign for them now, and have the person in charge hand in the proof by the date stated. If you see now that a date cannot be met, ask for an extension before that date.
To record it: duban sign REF --by NAME (no command at hand: tell the leading-group office, which records it)

1. Yearly task book, roadmap and timetable
   Due: Tuesday, 31 January 2023 (12 working days left)
   Why: Goals and dates come first, then the work
   Proof: The issued task book, roadmap and timetable
   Asked by: Leading-group office
   In the plan: 三（二）
   Reference: 2023-taskbook-longsha

2. Quarterly progress report
   Due: Monday, 3 April 2023 (56 working days left)
   About the date: originally Friday, 31 March 2023; inferred, the plan does not state this date
   Proof: One report with the unit's seal
   Asked by: Leading-group office
   Reference: 2023Q1-progress-longsha

3. What the measure delivered this year (5 items)
   Due: Wednesday, 20 December 2023 (233 working days left)
   About the date: inferred, the plan does not state this date
   Why: At the end of the year it must show what each measure achieved
   Asked by: Education bureau
   - T4.2 Sport (reference: 2023-T4.2-longsha)
     Proof: Lists and photographs
   - T4.3 Arts (reference: 2023-T4.3-longsha)
     Proof: Lists and photographs
   - T4.5 Digital education (reference: 2023-T4.5-longsha)
     Proof: Lists and photographs
   - T4.6 Science (reference: 2023-T4.6-longsha)
     Proof: Museum agreements
   - T4.10 Reading at school (reference: 2023-T4.10-longsha)
     Proof: Lists and photographs""",
    ("blue_reminder", "zh"): """\
【督办】龙沙区：临期 1 件

龙沙区：

《区域教育中心实施方案》
督办通知（2023年1月30日 星期一）：临期 1 件。

== 临期 1 件 ==
下一步：请在期限前提交佐证材料。不能按期完成的，请在期限前申请延期并说明理由。
录入命令：duban submit 2023-taskbook-longsha --file 文件 --note 说明 --by 姓名（无法使用命令的，请把材料送领导小组办公室代为录入）

1. 【蓝色催办】年度任务书、路线图、时间表
   期限：2023年1月31日 星期二（还有 1 个工作日）
   佐证材料：盖章的报告一份
   编号：2023-taskbook-longsha""",
    ("blue_reminder", "en"): """\
[Duban] Longsha District: 1 due soon

To Longsha District:

Regional education centre plan
Notice of Monday, 30 January 2023: 1 due soon.

== 1 due soon ==
What to do: Please hand in the proof by the date stated. If you cannot, ask for an extension before that date and give the reasons.
To record it: duban submit 2023-taskbook-longsha --file FILE --note NOTE --by NAME (no command at hand: send the files to the leading-group office, which records them)

1. [Blue reminder] Yearly task book, roadmap and timetable
   Due: Tuesday, 31 January 2023 (1 working day left)
   Proof: One report with the unit's seal
   Reference: 2023-taskbook-longsha""",
    ("due_today", "zh"): """\
【督办】龙沙区：临期 1 件

龙沙区：

《区域教育中心实施方案》
督办通知（2023年1月31日 星期二）：临期 1 件。

== 临期 1 件 ==
下一步：请在期限前提交佐证材料。不能按期完成的，请在期限前申请延期并说明理由。
录入命令：duban submit 2023-taskbook-longsha --file 文件 --note 说明 --by 姓名（无法使用命令的，请把材料送领导小组办公室代为录入）

1. 年度任务书、路线图、时间表
   期限：2023年1月31日 星期二（今天到期）
   编号：2023-taskbook-longsha""",
    ("due_today", "en"): """\
[Duban] Longsha District: 1 due soon

To Longsha District:

Regional education centre plan
Notice of Tuesday, 31 January 2023: 1 due soon.

== 1 due soon ==
What to do: Please hand in the proof by the date stated. If you cannot, ask for an extension before that date and give the reasons.
To record it: duban submit 2023-taskbook-longsha --file FILE --note NOTE --by NAME (no command at hand: send the files to the leading-group office, which records them)

1. Yearly task book, roadmap and timetable
   Due: Tuesday, 31 January 2023 (due today)
   Reference: 2023-taskbook-longsha""",
    ("overdue_unit", "zh"): """\
【督办】龙沙区：逾期 1 件、办结 1 件

龙沙区：

《区域教育中心实施方案》
督办通知（2023年2月1日 星期三）：逾期 1 件、办结 1 件。

== 逾期 1 件 ==
下一步：请立即提交佐证材料。确有困难的，请向领导小组办公室说明困难所在、预计完成日期和责任人。
录入命令：duban submit 2023-taskbook-longsha --file 文件 --note 说明 --by 姓名（无法使用命令的，请把材料送领导小组办公室代为录入）

1. 【红色督办单】年度任务书、路线图、时间表
   期限：2023年1月31日 星期二（已逾期 1 个工作日）
   为什么办：任务书未交，全年工作无从安排
   佐证材料：盖章的报告一份
   编号：2023-taskbook-longsha

== 办结 1 件 ==
下一步：无需再办理。感谢支持。

1. 落实方案
   审核人：王敏
   编号：2022-scheme-longsha""",
    ("overdue_unit", "en"): """\
[Duban] Longsha District: 1 overdue, 1 accepted

To Longsha District:

Regional education centre plan
Notice of Wednesday, 1 February 2023: 1 overdue, 1 accepted.

== 1 overdue ==
What to do: Please hand in the proof now. If something stands in the way, tell the leading-group office what it is, by when you can deliver, and who answers for it.
To record it: duban submit 2023-taskbook-longsha --file FILE --note NOTE --by NAME (no command at hand: send the files to the leading-group office, which records them)

1. [Red order] Yearly task book, roadmap and timetable
   Due: Tuesday, 31 January 2023 (1 working day overdue)
   Why: Without the task book the year cannot be planned
   Proof: One report with the unit's seal
   Reference: 2023-taskbook-longsha

== 1 accepted ==
What to do: Nothing more to do. Thank you.

1. Local plan
   Reviewed by: 王敏
   Reference: 2022-scheme-longsha""",
    ("overdue_office", "zh"): """\
【督办】领导小组办公室：所督促单位逾期 2 件、未签收 1 件

领导小组办公室：

《区域教育中心实施方案》
督办通知（2023年2月3日 星期五）：所督促单位逾期 2 件、未签收 1 件。

== 所督促单位逾期 2 件 ==
下一步：请联系下列单位，了解卡在哪里，逐件商定完成日期。协调不了的，提请领导小组研究；是否采取进一步措施由领导小组决定。

1. 【红色督办单】年度任务书、路线图、时间表（2 件）
   期限：2023年1月31日 星期二（已逾期 3 个工作日）
   - 建华区（编号：2023-taskbook-jianhua）
   - 龙沙区（编号：2023-taskbook-longsha）

== 未签收 1 件 ==
下一步：请电话联系下列单位，确认通知已送达经办人，并督促签收。

1. 季度进展报告
   期限：2023年3月31日 星期五（还有 40 个工作日）
   - 建华区（编号：2023Q1-progress-jianhua）""",
    ("overdue_office", "en"): """\
[Duban] Leading-group office: 2 overdue at the units you follow, 1 not signed for

To Leading-group office:

Regional education centre plan
Notice of Friday, 3 February 2023: 2 overdue at the units you follow, 1 not signed for.

== 2 overdue at the units you follow ==
What to do: Please contact the units below, find out what stands in the way, and agree with each on a day. What you cannot settle, take to the leading group: any further step is for people to decide.

1. [Red order] Yearly task book, roadmap and timetable (2 items)
   Due: Tuesday, 31 January 2023 (3 working days overdue)
   - Jianhua District (reference: 2023-taskbook-jianhua)
   - Longsha District (reference: 2023-taskbook-longsha)

== 1 not signed for ==
What to do: Please call the units below and make sure that the notice reached the person in charge.

1. Quarterly progress report
   Due: Friday, 31 March 2023 (40 working days left)
   - Jianhua District (reference: 2023Q1-progress-jianhua)""",
    ("returned", "zh"): """\
【督办】龙沙区：退回 1 件

龙沙区：

《区域教育中心实施方案》
督办通知（2023年2月6日 星期一）：退回 1 件。

== 退回 1 件 ==
下一步：请按退回理由补充完善后重新提交。
录入命令：duban submit 2023-taskbook-longsha --file 文件 --note 说明 --by 姓名（无法使用命令的，请把材料送领导小组办公室代为录入）

1. 【黄色督办单】年度任务书、路线图、时间表
   期限：2023年2月9日 星期四（还有 3 个工作日）
   退回理由：缺少路线图
   审核人：王敏
   佐证材料：盖章的报告一份
   编号：2023-taskbook-longsha""",
    ("returned", "en"): """\
[Duban] Longsha District: 1 returned

To Longsha District:

Regional education centre plan
Notice of Monday, 6 February 2023: 1 returned.

== 1 returned ==
What to do: Please read the reason, complete what is missing, and hand in again.
To record it: duban submit 2023-taskbook-longsha --file FILE --note NOTE --by NAME (no command at hand: send the files to the leading-group office, which records them)

1. [Yellow order] Yearly task book, roadmap and timetable
   Due: Thursday, 9 February 2023 (3 working days left)
   Reason for the return: 缺少路线图
   Reviewed by: 王敏
   Proof: One report with the unit's seal
   Reference: 2023-taskbook-longsha""",
    ("extension_granted", "zh"): """\
【督办】龙沙区：同意延期 1 件

龙沙区：

《区域教育中心实施方案》
督办通知（2023年1月30日 星期一）：同意延期 1 件。

== 同意延期 1 件 ==
下一步：请在新期限前提交佐证材料。原期限保留在台账中。
录入命令：duban submit 2023-taskbook-longsha --file 文件 --note 说明 --by 姓名（无法使用命令的，请把材料送领导小组办公室代为录入）

1. 年度任务书、路线图、时间表
   新期限：2023年2月10日 星期五（还有 9 个工作日）
   期限说明：方案原定 2023年1月31日 星期二
   答复理由：等待上级文件
   决定人：王敏
   佐证材料：盖章的报告一份
   编号：2023-taskbook-longsha""",
    ("extension_granted", "en"): """\
[Duban] Longsha District: 1 extended

To Longsha District:

Regional education centre plan
Notice of Monday, 30 January 2023: 1 extended.

== 1 extended ==
What to do: Please hand in the proof by the new date. The original date stays on record.
To record it: duban submit 2023-taskbook-longsha --file FILE --note NOTE --by NAME (no command at hand: send the files to the leading-group office, which records them)

1. Yearly task book, roadmap and timetable
   New date: Friday, 10 February 2023 (9 working days left)
   About the date: the plan says Tuesday, 31 January 2023
   Reason for the answer: 等待上级文件
   Decided by: 王敏
   Proof: One report with the unit's seal
   Reference: 2023-taskbook-longsha""",
    ("objection", "zh"): """\
【督办】领导小组办公室：异议 1 件、投诉建议 1 件

领导小组办公室：

《区域教育中心实施方案》
督办通知（2023年2月8日 星期三）：异议 1 件、投诉建议 1 件。

== 异议 1 件 ==
下一步：请核实情况，听取提出单位和审核单位的意见，作出决定并说明理由。决定之前，原退回或亮灯不变，期限照常计算。

1. 年度任务书、路线图、时间表
   期限：2023年2月9日 星期四
   异议事项：退回
   异议理由：路线图在附件二
   提出人：张强
   - 龙沙区（编号：2023-taskbook-longsha）

== 投诉建议 1 件 ==
下一步：请核实情况并予以答复，答复将发送提出单位。

1. 投诉
   内容：同一份报表要求报送三次
   提出人：李强
   - 建华区（编号：complaint-12）""",
    ("objection", "en"): """\
[Duban] Leading-group office: 1 objected to, 1 to answer

To Leading-group office:

Regional education centre plan
Notice of Wednesday, 8 February 2023: 1 objected to, 1 to answer.

== 1 objected to ==
What to do: Please look into it, hear the unit and its reviewer, and decide with a reason. Until you do, the return or the light stands and the date runs on.

1. Yearly task book, roadmap and timetable
   Due: Thursday, 9 February 2023
   Objection to the return
   Reason for the objection: 路线图在附件二
   Raised by: 张强
   - Longsha District (reference: 2023-taskbook-longsha)

== 1 to answer ==
What to do: Please look into it and answer; the unit is sent your answer.

1. Complaint
   It says: 同一份报表要求报送三次
   From: 李强
   - Jianhua District (reference: complaint-12)""",
    ("verdict", "zh"): """\
【督办】市教育局：验收结论 1 件

市教育局：

《区域教育中心实施方案》
督办通知（2025年11月5日 星期三）：验收结论 1 件。

== 验收结论 1 件 ==
下一步：请阅知结论并转告各责任单位。需要整改的，将另行交办有关单位，并注明期限。

1. 规范招生入学行为
   整改期限：2025年12月5日 星期五
   结论：附条件通过
   结论理由：缺少招生统计
   决定人：王敏
   编号：T3.2""",
    ("verdict", "en"): """\
[Duban] Education bureau: 1 decided on at the acceptance

To Education bureau:

Regional education centre plan
Notice of Wednesday, 5 November 2025: 1 decided on at the acceptance.

== 1 decided on at the acceptance ==
What to do: Please read the decision and pass it on to the responsible units. What has to be put right reaches the units concerned as work of its own, with a date.

1. Admissions
   Condition to be met by: Friday, 5 December 2025
   Decision: accepted on a condition
   Reason for the decision: 缺少招生统计
   Decided by: 王敏
   Reference: T3.2""",
    ("objection_upheld", "zh"): """\
【督办】龙沙区：异议成立 1 件

龙沙区：

《区域教育中心实施方案》
督办通知（2023年2月10日 星期五）：异议成立 1 件。

== 异议成立 1 件 ==
下一步：对退回的异议成立的，退回已撤销，原提交材料重新进入审核，无需再次提交；对亮灯的异议成立的，此前的逾期不再计入，尚未提交的，请按所列期限提交佐证材料。

1. 年度任务书、路线图、时间表
   期限：2023年2月20日 星期一
   异议事项：亮灯
   答复理由：系统故障属实
   决定人：王敏
   编号：2023-taskbook-longsha""",
    ("objection_upheld", "en"): """\
[Duban] Longsha District: 1 with the objection upheld

To Longsha District:

Regional education centre plan
Notice of Friday, 10 February 2023: 1 with the objection upheld.

== 1 with the objection upheld ==
What to do: Where you objected to a return, it is undone: what you handed in is under review again, and nothing more is needed. Where you objected to a light, what was late until now no longer counts; what is still owed, hand in by the date stated.

1. Yearly task book, roadmap and timetable
   Due: Monday, 20 February 2023
   Objection to the light
   Reason for the answer: 系统故障属实
   Decided by: 王敏
   Reference: 2023-taskbook-longsha""",
    ("objection_dismissed", "zh"): """\
【督办】龙沙区：异议不成立 1 件、投诉建议已答复 1 件

龙沙区：

《区域教育中心实施方案》
督办通知（2023年2月10日 星期五）：异议不成立 1 件、投诉建议已答复 1 件。

== 异议不成立 1 件 ==
下一步：原退回或亮灯维持不变。请阅知理由；尚未提交的，请按所列期限提交佐证材料。

1. 年度任务书、路线图、时间表
   期限：2023年2月9日 星期四
   异议事项：退回
   答复理由：附件二不是路线图
   决定人：王敏
   编号：2023-taskbook-longsha

== 投诉建议已答复 1 件 ==
下一步：请阅知答复。问题仍未解决的，请再次向领导小组办公室提出。

1. 建议
   答复：自第二季度起提供模板
   答复人：王敏
   编号：suggestion-13""",
    ("objection_dismissed", "en"): """\
[Duban] Longsha District: 1 with the objection dismissed, 1 answered

To Longsha District:

Regional education centre plan
Notice of Friday, 10 February 2023: 1 with the objection dismissed, 1 answered.

== 1 with the objection dismissed ==
What to do: The return or the light stands. Please read the reason; what is still owed, hand in by the date stated.

1. Yearly task book, roadmap and timetable
   Due: Thursday, 9 February 2023
   Objection to the return
   Reason for the answer: 附件二不是路线图
   Decided by: 王敏
   Reference: 2023-taskbook-longsha

== 1 answered ==
What to do: Please read the answer. If it does not settle the matter, write to the leading-group office again.

1. Suggestion
   Answer: 自第二季度起提供模板
   Answered by: 王敏
   Reference: suggestion-13""",
    ("gate_ready", "zh"): """\
【督办】领导小组办公室：可结束阶段 1 个

领导小组办公室：

《区域教育中心实施方案》
督办通知（2023年12月28日 星期四）：可结束阶段 1 个。

== 可结束阶段 1 个 ==
下一步：本阶段事项已全部办结或取消。请在阶段关口决定是否结束本阶段。

1. 实施阶段（2023年，推进年）
   阶段截止：2023年12月31日 星期日（还有 1 个工作日）
   编号：implementation-2023""",
    ("gate_ready", "en"): """\
[Duban] Leading-group office: 1 ready to close at the gate

To Leading-group office:

Regional education centre plan
Notice of Thursday, 28 December 2023: 1 ready to close at the gate.

== 1 ready to close at the gate ==
What to do: Everything in the phase is accepted or waived. Please decide at the gate whether it may close.

1. Implementation, 2023
   Last day of the phase: Sunday, 31 December 2023 (1 working day left)
   Reference: implementation-2023""",
    ("set_aside", "zh"): """\
【督办】领导小组办公室：系统无法自动跟踪 1 件

领导小组办公室：

《区域教育中心实施方案》
督办通知（2024年3月1日 星期五）：系统无法自动跟踪 1 件。

== 系统无法自动跟踪 1 件 ==
下一步：请逐件查看并人工跟进，在此期间系统不再催办。原因排除后，请交回系统。
录入命令：duban attention 2023/delivery/T3.2/longsha --retry --by 姓名

1. 举措年度落实情况
   期限：2023年12月20日 星期三（已逾期 50 个工作日）
   出错原因：OverflowError: date value out of range
   - 龙沙区（编号：2023/delivery/T3.2/longsha）""",
    ("set_aside", "en"): """\
[Duban] Leading-group office: 1 that Duban cannot follow by itself

To Leading-group office:

Regional education centre plan
Notice of Friday, 1 March 2024: 1 that Duban cannot follow by itself.

== 1 that Duban cannot follow by itself ==
What to do: Please look at each and follow it up yourself; nobody is reminded of it meanwhile. When the cause is mended, give it back.
To record it: duban attention 2023/delivery/T3.2/longsha --retry --by NAME

1. What the measure delivered this year
   Due: Wednesday, 20 December 2023 (50 working days overdue)
   What went wrong: OverflowError: date value out of range
   - Longsha District (reference: 2023/delivery/T3.2/longsha)""",
    ("backlog", "zh"): """\
【督办】领导小组办公室：启用前已逾期 913 件

领导小组办公室：

《区域教育中心实施方案》
督办通知（2024年3月1日 星期五）：启用前已逾期 913 件。

== 启用前已逾期 913 件 ==
下一步：以下事项未向各单位发送通知。请与相关单位逐项核对：哪些仍需办理，哪些已完成只需补交佐证材料，哪些可以取消。

1. 年度任务书、路线图、时间表
   期限：2023年1月31日 星期二
   共 1 件
   编号：2023-taskbook

2. 举措年度落实情况
   期限：2023年12月20日 星期三
   共 912 件
   编号：2023-delivery""",
    ("backlog", "en"): """\
[Duban] Leading-group office: 913 late before notices began

To Leading-group office:

Regional education centre plan
Notice of Friday, 1 March 2024: 913 late before notices began.

== 913 late before notices began ==
What to do: No notice was sent to the units for these. Please settle with them what is still to be done, what was done and only needs its proof, and what is to be waived.

1. Yearly task book, roadmap and timetable
   Due: Tuesday, 31 January 2023
   1 item in all
   Reference: 2023-taskbook

2. What the measure delivered this year
   Due: Wednesday, 20 December 2023
   912 items in all
   Reference: 2023-delivery""",
    ("provisional", "zh"): """\
【督办】龙沙区：临期 1 件

龙沙区：

《区域教育中心实施方案》
督办通知（2026年12月31日 星期四）：临期 1 件。

== 临期 1 件 ==
下一步：请在期限前提交佐证材料。不能按期完成的，请在期限前申请延期并说明理由。
录入命令：duban submit 2027-taskbook-longsha --file 文件 --note 说明 --by 姓名（无法使用命令的，请把材料送领导小组办公室代为录入）

1. 年度任务书、路线图、时间表
   期限：2027年2月1日 星期一（还有 22 个工作日）
   期限说明：方案原定 2027年1月31日 星期日；暂定，该年度放假安排未公布，期限可能调整
   编号：2027-taskbook-longsha""",
    ("provisional", "en"): """\
[Duban] Longsha District: 1 due soon

To Longsha District:

Regional education centre plan
Notice of Thursday, 31 December 2026: 1 due soon.

== 1 due soon ==
What to do: Please hand in the proof by the date stated. If you cannot, ask for an extension before that date and give the reasons.
To record it: duban submit 2027-taskbook-longsha --file FILE --note NOTE --by NAME (no command at hand: send the files to the leading-group office, which records them)

1. Yearly task book, roadmap and timetable
   Due: Monday, 1 February 2027 (22 working days left)
   About the date: the plan says Sunday, 31 January 2027; provisional, the days off of that year are not published yet; it may still move
   Reference: 2027-taskbook-longsha""",
}


@pytest.mark.parametrize(("name", "code"), EXPECTED)
def test_a_notice_says_exactly_this(name: str, code: Code) -> None:
    rendered = render(LETTERS[name], Language.of(code))

    assert f"{rendered.subject}\n\n{rendered.body}" == EXPECTED[name, code] + FOOTERS[code]


def test_every_letter_is_expected_in_both_languages() -> None:
    assert set(EXPECTED) == {(name, code) for name in LETTERS for code in ("zh", "en")}


@pytest.mark.parametrize("kind", MessageKind)
def test_every_kind_says_what_to_do_and_where_to_object(kind: MessageKind) -> None:
    for unit in (None, JIANHUA):
        body = render(letter(LONGSHA, D(2023, 1, 3), line(kind, "ref", TASKBOOK, unit=unit)), Language.of("zh")).body

        assert "下一步：" in body
        assert "异议：" in body


def test_the_most_urgent_kind_stands_first_and_the_order_of_the_lines_does_not_matter() -> None:
    lines = [line(kind, kind.value, TASKBOOK) for kind in MessageKind]
    there = render(letter(LONGSHA, D(2023, 1, 3), *lines), Language.of("en"))
    back = render(letter(LONGSHA, D(2023, 1, 3), *reversed(lines)), Language.of("en"))

    assert there == back
    assert there.subject.startswith(
        "[Duban] Longsha District: 1 overdue, 1 that the leading-group office asks about, 1 returned, "
        "1 asked for again, 1 due soon"
    )


def test_the_wording_of_every_kind_is_unambiguous() -> None:
    rows = [(wording.kind, wording.others, wording.touches) for wording in WORDINGS]

    assert len(rows) == len(set(rows))
    assert {kind for kind, *_ in rows} == set(MessageKind)
    touches = [touch for wording in WORDINGS for touch in wording.touches]
    assert sorted(touches) == sorted(Touch)


def test_a_county_with_39_items_of_one_requirement_reads_one_heading() -> None:
    items = [
        delivery(
            MessageKind.ISSUED,
            f"T1.{number}",
            "举措",
            "Measure",
            due_on=D(2023, 12, 20),
            working_days_left=200,
        )
        for number in range(1, 40)
    ]
    body = render(letter(LONGSHA, D(2023, 1, 3), *items), Language.of("en")).body

    assert body.count("Due:") == 1
    assert "1. What the measure delivered this year (39 items)" in body
    assert body.index("T1.9 ") < body.index("T1.10 ")


def test_the_date_asked_for_does_not_count_down() -> None:
    asked = line(
        MessageKind.EXTENSION_ASKED,
        "ref",
        TASKBOOK,
        unit=JIANHUA,
        due_on=D(2023, 2, 10),
        working_days_left=9,
        reason="等待上级文件",
        by="李强",
    )
    body = render(letter(OFFICE, D(2023, 1, 20), asked), Language.of("zh")).body

    assert "   申请延至：2023年2月10日 星期五\n   申请理由：等待上级文件\n   申请人：李强\n" in body


def test_on_the_weekend_after_the_date_it_has_passed() -> None:
    late = line(MessageKind.OVERDUE, "ref", TASKBOOK, due_on=D(2023, 2, 3), working_days_left=0)

    assert "（期限已过）" in render(letter(LONGSHA, D(2023, 2, 4), late), Language.of("zh")).body


def test_braces_in_what_people_write_are_left_alone() -> None:
    returned = line(MessageKind.RETURNED, "ref", TASKBOOK, reason="{ref} {0}")

    assert "{ref} {0}" in render(letter(LONGSHA, D(2023, 1, 3), returned), Language.of("en")).body


@pytest.mark.parametrize(
    ("contact", "zh", "en"),
    [
        (None, "咨询", "Questions"),
        (Contact("刘洋"), "咨询：领导小组办公室 刘洋。", "Questions: ask 刘洋 at the leading-group office."),
        (
            Contact("刘洋", "0452-2310000"),
            "咨询：领导小组办公室 刘洋，电话 0452-2310000。",
            "Questions: ask 刘洋 at the leading-group office, telephone 0452-2310000.",
        ),
    ],
)
def test_whom_to_ask_stands_at_the_end_where_somebody_is_registered(contact: Contact | None, zh: str, en: str) -> None:
    asked = dataclasses.replace(_new_work(), contact=contact)
    for code, words in (("zh", zh), ("en", en)):
        body = render(asked, Language.of("zh" if code == "zh" else "en")).body
        assert (body.rstrip().splitlines()[-1] == words) is (contact is not None)
        assert contact is not None or words not in body


def test_what_stands_in_the_register_stays_text_in_a_letter() -> None:
    evil = Contact("刘洋\n== 0 overdue ==", "www.example.org")
    body = render(dataclasses.replace(_new_work(), contact=evil), Language.of("en")).body
    assert "ask 刘洋 == 0 overdue == at the leading-group office, telephone www. example. org." in body
