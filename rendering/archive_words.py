"""What the archive pack says about itself: its README in both languages, with every table and column explained."""

import datetime as dt
from collections.abc import Iterator

from adapters.language import N_, Language
from models.archive_tables import columns_of, tables
from models.common.text import Text

TABLES = {
    "ladder": N_("The ladders of reminders and escalations, as they were in force."),
    "plan": N_("The plan; its full text is in plan.json."),
    "plan_version": N_("Each version of the plan that was loaded, and what it changed."),
    "unit": N_("Bureaus, counties, the leading-group office and the leader."),
    "person": N_("Who had which post in a unit, from when until when; without telephones and addresses."),
    "collective": N_("Named sets of units."),
    "collective_member": N_("Which units belong to a set."),
    "area": N_("Areas of work and safeguards."),
    "measure": N_("The measures that the plan enumerates."),
    "responsibility": N_("Who co-leads or is responsible for an area or a measure, in the order of the plan."),
    "unsettled_party": N_("Parties that the plan names without saying who they are, and who settled them."),
    "settled_party": N_("The units that such a party was found to be."),
    "indicator": N_("The targets."),
    "reading": N_("Figures that were entered for targets; a correction is a new row."),
    "phase": N_("The phases, with their dates."),
    "gate": N_("Decisions on whether a phase may close, a row a round."),
    "requirement": N_("What is asked, in which period, proven by what."),
    "addressee": N_("Whom a requirement is asked of."),
    "co_lead": N_("Who leads what is asked beside the first lead."),
    "assignment": N_("One requirement for one unit, as it stood at the end."),
    "submission": N_("What units handed in, with their words and figures."),
    "submission_item": N_("Which version of which assignment a submission answered."),
    "submission_file": N_("Which files belong to a submission."),
    "evidence": N_("The files of the units; `path` says where each lies in this pack."),
    "review": N_("Accepted or returned, by whom and why."),
    "opinion": N_("What co-leads said on what was handed in, before it was accepted."),
    "extension": N_("Requests for more time, and what was decided."),
    "explanation": N_("Why items were late, as their units said, and until when they were promised."),
    "contact": N_("What the office wrote to units in its own words, and the calls and visits that it noted."),
    "objection": N_("Objections to a return or a light, and what was decided."),
    "complaint": N_("Complaints and suggestions, with the answers."),
    "finding": N_("What had to be put right, and the closing check."),
    "change_set": N_("Changes of the plan while its work ran: what, why, by what authority and from when."),
    "change_item": N_("What a change set did to each item, and to each unit."),
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
        "the keys of other systems, because they are secrets; people's telephones; and how the program itself ran (its "
        "rounds and its pace)."
    ),
)


def readme(title: Text, at: dt.datetime) -> str:
    """The README of the pack, in Chinese and then in English."""
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
            yield f"- `{name}`: {say(table.c[name].doc or '')}"
    yield ""
