"""The report of the acceptance, as a Word file and as an Excel workbook: what became of every item of the plan.

Every measure that the plan declares has a row: those that it does not enumerate have no name, and none is invented.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from adapters.language import N_, Language
from models.acceptance.dossier import Declared, Dossier, ItemKind, conflicts_of
from models.acceptance.summary import AcceptanceSummary
from models.acceptance.verdict import Verdict, VerdictOutcome
from models.dates.instants import day_of
from models.indicators.attainment import Attainment
from models.plan.document import Counted
from rendering.labels import NO_VERDICT, NOT_ENUMERATED, OUTCOMES, VERDICTS, figure_words

Row = tuple[str | int, ...]
PROOF = (N_("Self-checks"), N_("Files"), N_("Rectifications open"), N_("Targets"))  # by what an item was judged
VERDICT = (N_("Verdict"), N_("Decided"), N_("Reason"))
MEASURES = (N_("Area"), N_("Code"), N_("Measure"), N_("Lead unit"), *VERDICT, *PROOF)
SAFEGUARDS = (N_("Code"), N_("Safeguard"), N_("Lead unit"), *VERDICT, *PROOF)
INDICATORS = (
    *(N_("Code"), N_("Indicator"), N_("Target"), N_("Period"), N_("Value"), N_("Reached"), N_("Remarks")),
    *VERDICT,
)


def excel(report: AcceptanceSummary, language: Language) -> bytes:
    """A sheet for each kind of item, one for all that speaks against accepting, one for the commendations."""
    from rendering.workbook import Sheet, write_workbook  # noqa: PLC0415  (slow to load)

    say = language.gettext
    words = _Words(report, language)
    sheets = [
        Sheet(say(N_("Measures")), [say(one) for one in MEASURES], words.measures()),
        Sheet(say(N_("Safeguards")), [say(one) for one in SAFEGUARDS], words.safeguards()),
        Sheet(say(N_("Indicators")), [say(one) for one in INDICATORS], words.indicators()),
        Sheet(
            say(N_("What is missing")), [say(N_("Code")), say(N_("Name")), say(N_("What is missing"))], words.missing()
        ),
    ]
    if report.commended:
        head = [say(N_("Place")), say(N_("Code")), say(N_("Unit")), say(N_("Proposed by results"))]
        sheets.append(Sheet(say(N_("Commended")), head, words.commended()))
    output = io.BytesIO()
    write_workbook(sheets, output)
    return output.getvalue()


def word(report: AcceptanceSummary, language: Language) -> bytes:
    """The same in the layout of an official document."""
    from rendering.official_document import OfficialDocument  # noqa: PLC0415  (slow to load)

    say, words = language.gettext, _Words(report, language)
    document = OfficialDocument(language)
    document.title(say(N_("{plan}: report on the acceptance")).format(plan=language.text(report.plan)))
    document.heading(say(N_("Overview")))
    document.paragraph("\n".join(words.overview()))
    document.heading(say(N_("Measures")))
    document.table([say(one) for one in MEASURES], words.measures(), widths=(2, 2, 4, 3, 3, 3, 4, 2, 2, 2, 3))
    document.heading(say(N_("Safeguards")))
    document.table([say(one) for one in SAFEGUARDS], words.safeguards(), widths=(2, 4, 3, 3, 3, 4, 2, 2, 2, 3))
    document.heading(say(N_("Indicators")))
    document.table([say(one) for one in INDICATORS], words.indicators())
    document.heading(say(N_("What is missing")))
    for item, reasons in words.missing_by_item():
        document.heading(item, 2)
        document.paragraph("\n".join(reasons))
    if not any(words.missing()):
        document.paragraph(say(N_("Nothing.")))
    if report.commended:
        document.heading(say(N_("Commended")))
        document.paragraph(language.list([language.text(unit.name) for unit, _ in report.commended.units]) or "-")
    document.signature(language.text(report.office), report.on)
    output = io.BytesIO()
    document.save(output)
    return output.getvalue()


WRITERS: Mapping[str, Callable[[AcceptanceSummary, Language], bytes]] = {"docx": word, "xlsx": excel}
"""By the ending of a file's name."""


class _Words:
    """The rows of the report in one language."""

    def __init__(self, report: AcceptanceSummary, language: Language) -> None:
        self.report, self.language, self.say = report, language, language.gettext

    def overview(self) -> Iterator[str]:
        report = self.report
        declared, enumerated, missing = report.measures
        yield self.say(
            N_(
                "The plan declares {declared} measures and enumerates {enumerated}; {missing} are declared without "
                "being named, and are listed as such."
            )
        ).format(declared=declared, enumerated=enumerated, missing=missing)
        if of_all := report.in_all.get(Counted.INDICATORS):
            said = self.say(N_("The plan declares {declared} indicators and enumerates {enumerated}."))
            yield said.format(declared=of_all.declared, enumerated=of_all.enumerated)
        for kind, sentence in (
            (ItemKind.MEASURE, N_("Measures: {count}, of these {counts}.")),
            (ItemKind.SAFEGUARD, N_("Safeguards: {count}, of these {counts}.")),
            (ItemKind.INDICATOR, N_("Indicators: {count}, of these {counts}.")),
        ):
            counts = report.count(kind)
            yield self.say(sentence).format(count=counts.total(), counts=self._counts(counts))
        accepted = bool(report.items) and all(one.is_accepted for one in report.items)
        yield self.say(N_("The plan is accepted.") if accepted else N_("The plan is not accepted yet."))

    def _counts(self, counts: Counter[VerdictOutcome | None]) -> str:
        words = [(self.say(word), counts[outcome]) for outcome, word in VERDICTS.items()]
        return self.language.list([f"{word} {count}" for word, count in [*words, (self.say(NO_VERDICT), counts[None])]])

    def measures(self) -> Iterator[Row]:
        """A row for each declared measure: first the named ones of an area, then those that it does not name."""
        of_kind = self.report.of_kind(ItemKind.MEASURE)
        declared = {one.area: one for one in self.report.declared}
        for area in dict.fromkeys([*(one.area.code for one in of_kind if one.area), *declared]):
            for one in of_kind:
                if one.area and one.area.code == area:
                    yield (area, one.code, *self._judged(one))
            if area in declared:
                yield from self._unnamed(declared[area], area, declared[area].missing)
        if whole := self.report.in_all.get(Counted.MEASURES):
            yield from self._unnamed(whole, "-", self.report.unnamed_in_all)

    def _unnamed(self, one: Declared, area: str, missing: int) -> Iterator[Row]:
        for number in range(1, missing + 1):
            words = (self.say(NOT_ENUMERATED), "", self.language.text(one.note))
            yield (area, f"{area} ({number}/{missing})", "-", "-", *words, *["-"] * len(PROOF))

    def safeguards(self) -> Iterator[Row]:
        for one in self.report.of_kind(ItemKind.SAFEGUARD):
            yield (one.code, *self._judged(one))

    def _judged(self, one: Dossier) -> Row:
        return self._name(one), self._lead(one), *self._verdict(one.verdict), *self._proof(one)

    def _proof(self, one: Dossier) -> tuple[str, int, str, str]:
        checks = f"{one.counts.accepted} / {one.counts.asked}"
        findings = self.language.list([finding.ref for finding in one.open_findings]) or "-"
        targets = [f"{figure.indicator.code} {self.say(OUTCOMES[figure.outcome])}" for figure in one.attained]
        return checks, one.counts.files, findings, self.language.list(targets) or "-"

    def indicators(self) -> Iterator[Row]:
        for one in self.report.of_kind(ItemKind.INDICATOR):
            yield (one.code, self._name(one), *self._figure(one.attained[0]), *self._verdict(one.verdict))

    def missing(self) -> Iterator[tuple[str, str, str]]:
        """Reasons against each item that is not accepted, and against those accepted in spite of them."""
        for one in self.report.items:
            for reason in self._against(one):
                yield one.code, self._name(one), reason

    def missing_by_item(self) -> Iterator[tuple[str, list[str]]]:
        for one in self.report.items:
            if reasons := self._against(one):
                yield f"{one.code} {self._name(one)}", reasons

    def _against(self, one: Dossier) -> list[str]:
        if one.verdict is None or not one.is_accepted:
            return [self.language.say(reason) for reason in one.reasons]
        although = self.say(N_("accepted although: {why}"))
        return [although.format(why=self.language.say(reason)) for reason in one.verdict.was_missing]

    def commended(self) -> Iterator[Row]:
        yes, no = self.say(N_("yes")), self.say(N_("no"))
        for place, (unit, was_proposed) in enumerate(self.report.commended.units if self.report.commended else (), 1):
            yield place, unit.code, self.language.text(unit.name), yes if was_proposed else no

    def _name(self, one: Dossier) -> str:
        return self.language.text(one.item.name)

    def _lead(self, one: Dossier) -> str:
        return self.language.list([self.language.text(unit.name) for unit in one.leads]) or "-"

    def _verdict(self, verdict: Verdict | None) -> tuple[str, str, str]:
        if verdict is None:
            return self.say(NO_VERDICT), "", ""
        said = self.say(VERDICTS[verdict.outcome])
        if verdict.until:
            said = self.say(N_("{verdict}, until {day}")).format(verdict=said, day=verdict.until.isoformat())
        reason = verdict.reason
        if verdict.override_reason:
            reason = self.say(N_("{reason} (although something was missing: {override})")).format(
                reason=reason, override=verdict.override_reason
            )
        return said, f"{verdict.by_name} {day_of(verdict.at, self.report.timezone)}", reason

    def _figure(self, one: Attainment) -> tuple[str, str, str, str, str]:
        remarks = [self.language.say(reason) for reason in (*one.remarks, *conflicts_of(one))]
        value = figure_words(one.indicator, one.value, self.language)
        return self.language.text(one.target), one.period, value, self.say(OUTCOMES[one.outcome]), "; ".join(remarks)
