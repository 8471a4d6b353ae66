"""Who may import whom, who may read the clock and the environment, and whether every deployment can start."""

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from adapters.program import version
from adapters.settings import Settings
from tests.conftest import ROOT

LAYERS = {
    "flows": {"flows", "tasks", "models", "adapters"},
    "tasks": {"tasks", "models", "adapters"},
    "portal": {"portal", "models", "adapters"},
    "adapters": {"adapters", "models"},
    "models": {"models"},
}
OURS = {*LAYERS, "deploy", "tests", "benchmarks"}
# Importing Prefect takes three seconds and a hundred megabytes, and the rest is for the outside world.
NOT_IN = {
    "models": {"prefect", "slack_sdk", "pandas", "apprise", "fsspec", "httpx", "os", "time", "pydantic_settings"},
    "portal": {"prefect"},
    "adapters": {"prefect"},
}
MODULES = [path for layer in [*LAYERS, "deploy"] for path in sorted((ROOT / layer).rglob("*.py"))]
CLOCKS = {
    f"{owner}.{attribute}"
    for owner in ("datetime", "date", "dt.datetime", "dt.date", "datetime.datetime", "datetime.date", "pendulum")
    for attribute in ("now", "utcnow", "today")
} | {"time.time", "time.localtime", "func.now", "func.current_timestamp"}
DISTRIBUTIONS = packages_distributions()
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    roots = {name.partition(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")))}
    assert roots & OURS <= LAYERS.get(layer, OURS - {"tests", "benchmarks"})
    assert not roots & NOT_IN.get(layer, set())


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_one_module_reads_the_clock_and_one_the_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    if name_of(path) != "adapters/clock.py":
        assert not used & CLOCKS
    if name_of(path) != "adapters/settings.py":
        assert not used & ENVIRONMENT


def declared() -> set[str]:
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return {plain(re.split(r"[^\w.-]", one)[0]) for one in said}


def plain(distribution: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", distribution).casefold()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_is_imported_is_declared(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")))}
    others = roots - OURS - sys.stdlib_module_names
    known = {root: set(map(plain, DISTRIBUTIONS[root])) for root in others}
    assert [root for root in sorted(others) if not known[root] & declared()] == []


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_setting_is_named_to_its_readers(readme: str) -> None:
    said = (ROOT / readme).read_text(encoding="utf-8")
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
