"""Who may import whom, who may read the clock and the environment, and whether every deployment can start."""

import ast
import functools
import importlib
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from adapters.program import version
from adapters.settings import Settings
from tests.conftest import ROOT

LAYERS = {
    "flows": {"flows", "tasks", "services", "models", "rendering", "adapters"},
    "tasks": {"tasks", "services", "models", "rendering", "adapters"},
    "services": {"services", "models", "rendering", "adapters"},
    "portal": {"portal", "services", "models", "rendering", "adapters"},
    "rendering": {"rendering", "models", "adapters"},
    "adapters": {"adapters", "models"},
    "models": {"models"},
}
FOLDERS = [*LAYERS, "deploy"]
OURS = {*FOLDERS, "tests", "benchmarks"}
# The rooms of the models, lowest first: none imports one that stands after it.
ROOMS = [
    *("common", "dates", "plan", "access", "outbox", "assignments", "permissions", "dialogue", "complaint", "people"),
    *("phases", "indicators", "finding", "patrol", "queries", "monitoring", "loading", "changes", "preview", "score"),
    *("bulletins", "acceptance", "delivery", "tables", "archive_tables", "migrations"),
]
# Importing Prefect takes three seconds and a hundred megabytes, and the rest is for the outside world.
NOT_IN = {
    "models": {"prefect", "slack_sdk", "pandas", "apprise", "fsspec", "httpx", "os", "time", "pydantic_settings"},
    "portal": {"prefect"},
    "adapters": {"prefect"},
    "services": {"prefect"},
    "rendering": {"prefect"},
}
# Rendering puts facts into words: it is given them, and nothing but the two languages comes from outside.
RENDERING_FROM_ADAPTERS = {"adapters.language"}
# Adapters know the outside world and not ours: what they need of the models beside the common ground is plain.
PLAIN_IN_MODELS = {
    *("models.common", "models.migrations", "models.delivery.rate_limit"),
    *("models.plan.document", "models.plan.dues", "models.dates.recurrence", "models.dates.spans"),
    "models.dates.period",
}
MAX_MODULES_IN_FOLDER = 20
MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
CLOCKS = {
    f"{owner}.{attribute}"
    for owner in ("datetime", "date", "dt.datetime", "dt.date", "datetime.datetime", "datetime.date", "pendulum")
    for attribute in ("now", "utcnow", "today")
} | {"time.time", "time.localtime", "func.now", "func.current_timestamp"}
DISTRIBUTIONS = packages_distributions()
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


NAMES = {module_of(path) for path in MODULES}


def imports(path: Path) -> Iterator[str]:
    """What a module imports; where it is one of ours, the module itself."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in NAMES else node.module or ""


def roots_of(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def test_imports_go_one_way() -> None:
    wrong = [
        f"{name_of(path)} imports {root}"
        for path in MODULES
        for layer in [path.relative_to(ROOT).parts[0]]
        for root in sorted(roots_of(path))
        if root in OURS - LAYERS.get(layer, OURS - {"tests", "benchmarks"}) | NOT_IN.get(layer, set())
    ]
    assert wrong == []


def test_models_build_on_the_rooms_below_them() -> None:
    def room(module: str) -> int:
        return ROOMS.index(module.split(".")[1])

    wrong = [
        f"{module_of(path)} imports {name}"
        for path in MODULES
        if module_of(path).startswith("models.")
        for name in imports(path)
        if name.startswith("models.") and room(name) > room(module_of(path))
    ]
    assert wrong == []


def test_rendering_asks_no_database_and_reads_nothing() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in MODULES
        if module_of(path).startswith("rendering.")
        for name in imports(path)
        if name.startswith("sqlalchemy") or (name.startswith("adapters") and name not in RENDERING_FROM_ADAPTERS)
    ]
    assert wrong == []


def test_adapters_know_plain_types_alone() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in MODULES
        if module_of(path).startswith("adapters.") and not module_of(path).startswith("adapters.prefect_server.")
        for name in imports(path)
        if name.startswith("models.") and not any(name == one or name.startswith(f"{one}.") for one in PLAIN_IN_MODELS)
    ]
    assert wrong == []


def test_no_imports_in_a_circle() -> None:
    graph = {module_of(path): {name for name in imports(path) if name in NAMES} for path in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(circle.args[1]))


def test_no_folder_is_too_full() -> None:
    full = Counter(name_of(path.parent) for path in MODULES + list((ROOT / "tests").rglob("*.py")))
    del full["models/migrations/versions"]  # it grows by one with each change of the schema
    assert {folder: count for folder, count in full.items() if count > MAX_MODULES_IN_FOLDER} == {}


def test_one_module_reads_the_clock_and_one_the_environment() -> None:
    def used(path: Path) -> set[str]:
        return {ast.unparse(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}

    clocks = [name_of(path) for path in MODULES if used(path) & CLOCKS]
    environments = [name_of(path) for path in MODULES if used(path) & ENVIRONMENT]
    assert (clocks, environments) == (["adapters/clock.py"], ["adapters/settings.py"])


def declared() -> set[str]:
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return {plain(re.split(r"[^\w.-]", one)[0]) for one in said}


def plain(distribution: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", distribution).casefold()


def test_what_is_imported_is_declared() -> None:
    known = declared()
    missing = [
        f"{name_of(path)} imports {root}"
        for path in MODULES
        for root in sorted(roots_of(path) - OURS - sys.stdlib_module_names)
        if not set(map(plain, DISTRIBUTIONS[root])) & known
    ]
    assert missing == []


@pytest.mark.parametrize("page", ["operator.md", "operator.zh-CN.md"])
def test_every_setting_is_named_to_its_readers(page: str) -> None:
    said = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`DUBAN_{name.upper()}`" not in said] == []


def entrypoints() -> list[str]:
    file = ROOT / "deploy" / "prefect.yaml"
    return [one["entrypoint"] for one in yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]]


@pytest.mark.parametrize("entrypoint", entrypoints())
def test_every_deployment_can_be_imported(entrypoint: str) -> None:
    from prefect import Flow  # noqa: PLC0415  (three seconds, for these tests only)

    module, _, name = entrypoint.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, Flow)
    assert found.version == version(), "runs and deployments say of which commit they are"


def test_all_flows_are_deployed() -> None:
    assert sorted(entrypoints()) == [
        f"flows.{name}.{name}" for name in ("acceptance", "bulletin", "implementation", "launch", "patrol", "watchdog")
    ]
