"""Whether every act goes through a service that asks for authority, and nothing below one is called from above."""

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import pytest

from tests.test_layout import MODULES, module_of, tree_of

TREES = {module_of(path): tree_of(path) for path in MODULES}
ABOVE_SERVICES = ("portal", "deploy", "tasks", "flows")

TRANSACTIONS = {f"adapters.database.sessions.{name}" for name in ("transaction", "retrying_transaction")}
CHANGES = {"add", "add_all", "delete", "merge", "flush", "commit", "bulk_save_objects"}  # of a session
STATEMENTS = {
    f"{module}.{name}"
    for module in ("sqlalchemy", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql")
    for name in ("insert", "update", "delete")
}
WRITTEN_SQL = re.compile(r"\s*(INSERT INTO|UPDATE \w+ SET|DELETE FROM|TRUNCATE)\b")

Functions = dict[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]


def defined(tree: ast.Module) -> Functions:
    """The functions and classes of a module, by name."""
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))
    return {node.name: node for node in found}


def parameters(function: ast.AST) -> dict[str, str]:
    """What a function is given, with the types as they are written."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return {}
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {one.arg: ast.unparse(one.annotation) if one.annotation else "" for one in given}


def names_in(tree: ast.AST) -> dict[str, str]:
    """What the names that a module imports stand for, wherever in it they are imported."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
    return names


def used(tree: ast.AST, names: Mapping[str, str]) -> Iterator[str]:
    """The full names of what is used in it: of `links.issue` with `from models import access as links` the module's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            yield f"{names.get(first, first)}.{rest}" if rest else names.get(first, first)


def changes_itself(tree: ast.AST, names: Mapping[str, str]) -> bool:
    """Whether it has a session change something, or puts such a statement together."""
    return any(True for _ in direct_changes(tree, names))


def sets_what_it_was_given(tree: ast.AST) -> bool:
    """Whether it assigns to an attribute of one of its parameters, as of a row."""
    targets = (
        target
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        for assigned in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for target in (assigned.elts if isinstance(assigned, ast.Tuple) else [assigned])
        if isinstance(target, ast.Attribute)
    )
    return any(ast.unparse(target).partition(".")[0] in parameters(tree) for target in targets)


def direct_changes(tree: ast.AST, names: Mapping[str, str]) -> Iterator[str]:
    for name in used(tree, names):
        owner, _, method = name.rpartition(".")
        if name in STATEMENTS or (method in CHANGES and owner.rpartition(".")[2] in {"session", "_session"}):
            yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WRITTEN_SQL.match(node.value):
            yield node.value.split("\n")[0]


def acts_of(trees: Mapping[str, ast.Module]) -> set[str]:
    """The functions of the models that change the database: those that are told who acts, or write, or call such a one,
    and those that change a row that they are given.

    Authority itself is asked with the actor, and changes nothing.
    """
    functions = {
        f"{module}.{name}": (node, {one: f"{module}.{one}" for one in defined(tree)} | names_in(tree))
        for module, tree in trees.items()
        if module.startswith("models.") and not module.startswith(("models.permissions", "models.migrations"))
        for name, node in defined(tree).items()
        if "Session" in parameters(node).values() or (not name.startswith("_") and sets_what_it_was_given(node))
    }
    return and_users(
        {
            name
            for name, (node, names) in functions.items()
            if parameters(node).get("actor") == "Actor" or changes_itself(node, names) or sets_what_it_was_given(node)
        },
        functions,
    )


def and_users(found: set[str], functions: Mapping[str, tuple[ast.AST, Mapping[str, str]]]) -> set[str]:
    """These, and those of the functions that use one of them, directly or through others."""
    found = set(found)
    while more := {
        name for name, (node, names) in functions.items() if name not in found and found & set(used(node, names))
    }:
        found |= more
    return found


ACTS = acts_of(TREES)


def offences(tree: ast.Module) -> set[str]:
    """What a module above the services calls or imports though only they may."""
    names = names_in(tree)
    return ((ACTS | TRANSACTIONS) & {*used(tree, names), *names.values()}) | set(direct_changes(tree, names))


def test_nothing_changes_the_database_but_through_a_service() -> None:
    found = {
        module: wrong
        for module, tree in TREES.items()
        if module.startswith(tuple(f"{folder}." for folder in ABOVE_SERVICES))
        if (wrong := offences(tree))
    }
    assert found == {}


# What changes the database without a Scope, and what its authority is.
BY_WHAT_THEY_HOLD = {
    "services.links.look_at": "the token of a link",
    "services.links.enter": "the token of a link",
    "services.links.feed": "the token of a calendar",
    "services.links.renew": "the web session that the request came in by",
    "services.links.say_name": "the web session that the request came in by",
    "services.links.leave": "the web session that the request came in by",
    "services.scope.is_first": "the key of an act, in the transaction of the act that it guards",
    "services.scope.keep_outcome": "the key of an act, in the transaction of the act that it guards",
    "services.schema.ensure": "the database's own password: there are no plans and no units yet",
    "services.schema.upgrade": "the database's own password, as no plan can be read before",
}
BY_A_SCOPE_OF_THEIR_OWN = {
    "services.gates.tell_run": "the program wakes the run, whoever decided",
    "services.monitoring.watchdog.watch_over": "the program looks after several plans",
    "services.plans.load": "there may be no plan yet; it asks with the actor that it is given",
}
MIGRATIONS = {"models.migrations.upgrading.upgrade"}
REQUIRING = {f"models.permissions.{name}" for name in ("require", "require_program", "require_towards")}


@dataclasses.dataclass(frozen=True)
class Services:
    """The public functions of the services: those that change the database, take a Scope, and ask for authority."""

    changing: frozenset[str]
    scoped: frozenset[str]
    asking: frozenset[str]

    @classmethod
    def of(cls, trees: Mapping[str, ast.Module]) -> Self:
        functions = {
            f"{module}.{name}": (node, {one: f"{module}.{one}" for one in defined(tree)} | names_in(tree))
            for module, tree in trees.items()
            if module.startswith("services.")
            for name, node in defined(tree).items()
        }
        public = {name for name in functions if not name.rpartition(".")[2].startswith("_")}
        acts = ACTS | MIGRATIONS
        changing = {
            name
            for name, (node, names) in functions.items()
            if acts & set(used(node, names)) or changes_itself(node, names)
        }
        scoped = {name for name, (node, _) in functions.items() if "Scope" in parameters(node).values()}
        return cls(
            frozenset(public & and_users(changing, functions)),
            frozenset(public & scoped),
            frozenset(public & and_callers(REQUIRING, functions)),
        )

    def without_authority(self) -> list[str]:
        """Those that neither ask for authority themselves nor have another service do so."""
        return sorted((self.scoped | self.changing) - self.asking - BY_WHAT_THEY_HOLD.keys())

    def without_scope(self) -> list[str]:
        """Those that change the database and are not told in which plan, as whom and when."""
        return sorted(self.changing - self.scoped - BY_WHAT_THEY_HOLD.keys() - BY_A_SCOPE_OF_THEIR_OWN.keys())


def and_callers(found: set[str], functions: Mapping[str, tuple[ast.AST, Mapping[str, str]]]) -> set[str]:
    """These, and those of the functions that call one of them, directly or through others."""
    found = set(found)
    while more := {
        name for name, (node, names) in functions.items() if name not in found and found & set(called(node, names))
    }:
        found |= more
    return found


def called(tree: ast.AST, names: Mapping[str, str]) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield next(iter(used(node.func, names)), "")


SERVICES = Services.of(TREES)


def test_every_service_that_changes_the_database_takes_a_scope_and_asks_for_authority() -> None:
    assert SERVICES.without_scope() == []
    assert SERVICES.without_authority() == []


def test_what_is_excepted_is_still_there_and_still_needs_to_be() -> None:
    excepted = BY_WHAT_THEY_HOLD.keys() | BY_A_SCOPE_OF_THEIR_OWN.keys()
    assert excepted - (SERVICES.changing - SERVICES.scoped) == set()


# The rules above hold nothing unless they find what is wrong.


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("from models.assignments.assignment import acknowledge", "models.assignments.assignment.acknowledge"),
        ("from models.assignments import review as r\nr.waive()", "models.assignments.review.waive"),
        ("def late():\n    from models.access import issue", "models.access.issue"),
        ("from models.delivery.claim import retry_dead", "models.delivery.claim.retry_dead"),
        ("from adapters.database.sessions import transaction", "adapters.database.sessions.transaction"),
        ("from adapters.database import sessions\nsessions.transaction()", "adapters.database.sessions.transaction"),
        ("def save(session):\n    session.add(1)", "session.add"),
        ("def save(ctx):\n    ctx.session.flush()", "ctx.session.flush"),
        ("from sqlalchemy import update\nupdate(1)", "sqlalchemy.update"),
        ("text('DELETE FROM event')", "DELETE FROM event"),
    ],
)
def test_a_change_past_the_services_is_found(written: str, found: str) -> None:
    assert found in offences(ast.parse(written))


def test_reading_is_no_change() -> None:
    written = """
from adapters.database.sessions import read_session
from models.assignments.assignment import by_refs
from models.queries.worklist import to_review
from models.permissions import may
with read_session() as session:
    seen.add(by_refs(session, plan, refs))
"""
    assert offences(ast.parse(written)) == set()


def test_a_service_without_authority_or_scope_is_found() -> None:
    written = """
from models.assignments.review import waive
from models.permissions import require
def careless(scope: Scope) -> None:
    with scope.open(): ...
def careful(scope: Scope) -> None:
    _allowed(scope)
def _allowed(scope: Scope) -> None:
    require(scope)
def unscoped(session: Session) -> None:
    require(session)
    _waived(session)
def _waived(session: Session) -> None:
    waive(session)
def added(session: Session) -> None:
    session.add(1)
def reading(session: Session) -> None:
    session.get(1)
"""
    found = Services.of({"services.made_up": ast.parse(written)})
    assert found.without_authority() == ["services.made_up.added", "services.made_up.careless"]
    assert found.without_scope() == ["services.made_up.added", "services.made_up.unscoped"]
