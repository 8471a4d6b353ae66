"""What the archive pack says about itself: its README in both languages, with every table and column explained."""

import datetime as dt
from collections.abc import Iterator

from adapters.language import N_, Language
from models.archive_tables import columns_of, tables
from models.common.text import Text

TABLES = {
    "ladder": N_("The ladders of reminders and escalations, as they were in force."),
    "plan": N_("The plan; its full text is in plan.json."),
    "unit": N_("Bureaus, counties, the leading-group office and the leader."),
    "collective": N_("Named sets of units."),
    "collective_member": N_("Which units belong to a set."),
    "area": N_("Areas of work and safeguards."),
    "measure": N_("The measures that the plan enumerates."),
    "responsibility": N_("Who is responsible for an area, in the order of the plan."),
    "indicator": N_("The targets."),
    "reading": N_("Figures that were entered for targets; a correction is a new row."),
    "phase": N_("The phases, with their dates."),
    "gate": N_("Decisions on whether a phase may close, a row a round."),
    "requirement": N_("What is asked, in which period, proven by what."),
    "addressee": N_("Whom a requirement is asked of."),
    "assignment": N_("One requirement for one unit, as it stood at the end."),
    "submission": N_("What units handed in, with their words and figures."),
    "submission_item": N_("Which version of which assignment a submission answered."),
    "submission_file": N_("Which files belong to a submission."),
    "evidence": N_("The files of the units; `path` says where each lies in this pack."),
    "review": N_("Accepted or returned, by whom and why."),
    "extension": N_("Requests for more time, and what was decided."),
    "objection": N_("Objections to a return or a light, and what was decided."),
    "complaint": N_("Complaints and suggestions, with the answers."),
    "finding": N_("What had to be put right, and the closing check."),
    "escalation": N_("Steps of the ladder that fired."),
    "message": N_("Notices, one for each thing told to one recipient."),
    "attempt": N_("Letters as they were sent, with their text."),
    "attempt_message": N_("Which notices a letter carried."),
    "verdict": N_("Decisions of the acceptance panel; the last one on an item is in force."),
    "commendation": N_("Lists for commendation, as people settled them."),
    "commended_unit": N_("The units on such a list."),
    "bulletin": N_("The periodic reports, as they were released."),
    "bulletin_copy": N_("In which languages and forms a bulletin was issued; they lie in documents/."),
}

# By the column's name; `table.column` where it means something else there.
COLUMNS = {
    "as_of": N_("the day as of which the figures are"),
    "corrects_id": N_("the edition that it corrects (bulletin)"),
    "edited_at": N_("when it was edited"),
    "edited_by": N_("who edited it"),
    "edition": N_("which edition: a correction is a new one"),
    "bulletin_id": N_("the periodic report (bulletin)"),
    "ending": N_("how the file's name ends"),
    "id": N_("number of the row; other tables refer to it"),
    "about": N_("what it is raised against"),
    "anchor_on": N_("the day from which the step is counted"),
    "answer": N_("the answer"),
    "answered_at": N_("when it was answered"),
    "answered_by": N_("who answered"),
    "area_id": N_("the area of work or safeguard (area)"),
    "asked_at": N_("when it was asked"),
    "asked_by": N_("who asked"),
    "assignment_id": N_("the assignment (assignment)"),
    "at": N_("when, in world time (UTC)"),
    "attempt_id": N_("the letter (attempt)"),
    "basis": N_("stated: the plan says so; inferred: it was concluded"),
    "blocking": N_("what was open at the decision"),
    "body": N_("the text"),
    "by_name": N_("who, by name"),
    "by_unit_id": N_("for which unit that person acted (unit)"),
    "calendar": N_("the working-day calendar"),
    "channel": N_("the kind of channel it went by"),
    "check_text": N_("what the closing check found"),
    "closed_at": N_("when it was closed"),
    "closed_by": N_("who closed it"),
    "code": N_("short name, unique in the plan"),
    "collective_id": N_("the set of units (collective)"),
    "commendation_id": N_("the list (commendation)"),
    "comparator": N_("how the figure is compared with the target"),
    "conflicts_with": N_("codes of targets for the same matter"),
    "created_at": N_("when it was written"),
    "decided_at": N_("when it was decided"),
    "decided_by": N_("who decided"),
    "decision": N_("what was decided"),
    "decision_reason": N_("why it was decided so"),
    "digest": N_("SHA-256 of the content"),
    "done_until": N_("the day up to which the ladder is carried out"),
    "due": N_("when the target is due: a year, or how often"),
    "due_after": N_("the date from then on"),
    "due_basis": N_("whether the plan states the date"),
    "due_before": N_("the date until then"),
    "due_on": N_("the date in force"),
    "earlier_targets": N_("targets that were in force before, and until when"),
    "earlier_limits": N_("limits that were in force before, and until when"),
    "due_provisional": N_("the year's working-day calendar was not published yet"),
    "ends": N_("the last year"),
    "ends_on": N_("the last day"),
    "evidence_id": N_("the file (evidence)"),
    "fell_on": N_("the day on which the step fell due"),
    "figures": N_("figures that were handed in"),
    "file_name": N_("what the unit called the file"),
    "finding_id": N_("the rectification (finding)"),
    "for_date": N_("the day that it speaks of"),
    "full_name": N_("the full name"),
    "go_live_on": N_("the day from which notices were sent"),
    "granted": N_("true: granted"),
    "historic": N_("true: from before notices began"),
    "indicator_id": N_("the target (indicator)"),
    "issue_on": N_("the day on which work is handed out"),
    "issued_on": N_("the day on which it was handed out"),
    "kind": N_("which kind"),
    "ladder_id": N_("the ladder (ladder)"),
    "late": N_("true: handed in after its date"),
    "language": N_("zh: Chinese, en: English"),
    "lead_id": N_("the lead unit (unit)"),
    "made_at": N_("when it was made"),
    "made_by": N_("who made it"),
    "measure_id": N_("the measure (measure)"),
    "media_type": N_("the type of the file"),
    "message_id": N_("the notice (message)"),
    "missing": N_("what stood against accepting at that moment"),
    "name_en": N_("the name in English"),
    "name_zh": N_("the name in Chinese"),
    "near_limit_days": N_("days before a date from which it counts as near"),
    "needs_attention": N_("why the program could not follow it"),
    "next_action_at": N_("when the program would have looked at it next"),
    "next_try_at": N_("when it would have been sent next"),
    "note": N_("a remark"),
    "number": N_("its number in the plan"),
    "number_year": N_("the year in which it is numbered"),
    "opened_at": N_("when it was opened"),
    "order": N_("the colour of the order"),
    "outcome": N_("what came of it"),
    "override_reason": N_("why it was done although something stood against it"),
    "period": N_("the year or part of a year"),
    "phase_id": N_("the phase (phase)"),
    "plan_id": N_("the plan (plan)"),
    "planned_due_on": N_("the date as the plan states it"),
    "planned_ends_on": N_("the last day as the plan states it"),
    "position": N_("its place in the order"),
    "proof_en": N_("what proves it, in English"),
    "proof_zh": N_("what proves it, in Chinese"),
    "raised_at": N_("when it was raised"),
    "raised_by": N_("who raised it"),
    "reason": N_("why"),
    "recipient_id": N_("to whom (unit)"),
    "ref": N_("the reference that people use"),
    "reference": N_("what the figure is measured against"),
    "reference_en": N_("the same in English"),
    "refused": N_("true: asked for and not carried out"),
    "rehearsal_seed": N_("set where the work was acted out, and empty for real work"),
    "released_at": N_("when it was released"),
    "released_by": N_("who released it"),
    "reporters": N_("codes of the units that report the figure"),
    "requirement_id": N_("the requirement (requirement)"),
    "resumed_at": N_("when the program was told"),
    "rework_working_days": N_("working days to hand in again after a return"),
    "role": N_("lead or responsible"),
    "rollup": N_("how the units' figures make the city's"),
    "rollup_basis": N_("whether the plan states that"),
    "round": N_("which time it was asked"),
    "run": N_("the run in Prefect in which it happened"),
    "scope": N_("asked of the plan, an area or a measure"),
    "sha256": N_("SHA-256 of the file"),
    "since": N_("from this day on"),
    "size": N_("size in bytes"),
    "soft": N_("true: the plan says strive or explore"),
    "source": N_("where the plan says so"),
    "starts": N_("the first year"),
    "starts_on": N_("the first day"),
    "status": N_("the status at the end"),
    "step": N_("the step of the ladder"),
    "steps": N_("the steps"),
    "still_open": N_("how much was open at the decision"),
    "subject": N_("what it is about"),
    "submission_id": N_("what was handed in (submission)"),
    "submission_item_id": N_("the version that was reviewed (submission_item)"),
    "submitted_on": N_("the day on which it was handed in"),
    "text": N_("the words"),
    "texts": N_("the words in it that people wrote"),
    "timezone": N_("the time zone of the plan's days"),
    "title_en": N_("the title in English"),
    "title_zh": N_("the title in Chinese"),
    "told": N_("true: somebody was told"),
    "tries": N_("how often it was sent"),
    "unit": N_("what it is measured in"),
    "unit_en": N_("the same in English"),
    "unit_id": N_("the unit (unit)"),
    "unsigned_working_days": N_("working days within which work has to be signed for"),
    "unsure": N_("how many sends may have arrived unnoticed"),
    "until": N_("until this day"),
    "upheld": N_("true: upheld"),
    "value": N_("the figure"),
    "was_scanned": N_("true: scanned for viruses as it came in, and found clean"),
    "version": N_("which version"),
    "via": N_("where it was decided"),
    "was_proposed": N_("true: the results proposed it"),
    "weight": N_("how much it counts in a mean"),
    "why_en": N_("why it is asked, in English"),
    "why_zh": N_("why it is asked, in Chinese"),
    "words": N_("what was said with it"),
}

HEADING = N_("Archive pack")
INTRODUCTION = (
    N_(
        "This pack holds everything that was recorded for one plan. It can be read without the program that made it: "
        "tables are CSV in UTF-8 (Excel opens them), the plan and the manifest are JSON, and the units' files are here "
        "as they were handed in."
    ),
    N_("`manifest.json` lists every file with its size and SHA-256."),
    N_(
        "`journal.jsonl` is the journal, an entry a line, numbered from 1 without a gap in the order in which it was "
        "written. `id` is the database's own number, which has gaps where nothing came of a transaction. `previous` "
        "is the SHA-256 of the line before, without its line break."
    ),
    N_("`originals/` holds the files, by unit; `tables/evidence.csv` says in the column `path` which is which."),
    N_(
        "`python verify.py`, here or with the name of the ZIP, checks all of it offline. Compare the digest of the "
        "manifest that it prints with the one that was printed when the pack was made, and was kept elsewhere: only "
        "that tells a pack that somebody made anew."
    ),
    N_(
        "In tables an empty cell means that there is nothing. Lists and compound values are JSON. Where a text begins "
        "with =, +, -, @ or a tab, an apostrophe stands before it, so that no spreadsheet takes it for a formula."
    ),
    N_(
        "Left out are: links and stays that let people into the portal, internet addresses, recipients' addresses and "
        "the keys of other systems, because they are secrets; and how the program itself ran (its rounds and its pace)."
    ),
)


def readme(title: Text, at: dt.datetime) -> str:
    """Both languages, one after the other."""
    return "\n".join(line for code in ("zh", "en") for line in _readme(Language.of(code), title, at))


def _readme(language: Language, title: Text, at: dt.datetime) -> Iterator[str]:
    say = language.gettext
    yield f"# {say(HEADING)}: {language.text(title)}\n"
    yield say(N_("As of {at}.")).format(at=at.astimezone(dt.UTC).isoformat()) + "\n"
    for line in INTRODUCTION:
        yield f"- {say(line)}"
    for table in tables():
        yield f"\n## tables/{table.name}.csv\n"
        yield f"{say(TABLES.get(table.name, ''))}\n"
        for name in columns_of(table):
            yield f"- `{name}`: {say(explained(table.name, name))}"
    yield ""


def explained(table: str, column: str) -> str:
    """What a column holds, in English; empty where nobody has said."""
    return COLUMNS.get(f"{table}.{column}") or COLUMNS.get(column, "")
