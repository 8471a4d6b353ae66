"""Packed files are looked into by a process of its own, so that no page waits for it."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from adapters.evidence import apart
from adapters.evidence.apart import inspect_all
from adapters.evidence.inspection import Limits, inspect
from models.common.errors import RefusedError
from tests.support.files import package, packed, pdf

LIMITS = Limits()


def put(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def test_it_finds_what_is_found_here(tmp_path: Path) -> None:
    paths = put(tmp_path, package("docx"), pdf(), packed({"说明.txt": b"1"}))
    files = list(zip(paths, ("一.docx", "二.pdf", "三.zip"), strict=True))
    assert inspect_all(files, LIMITS) == [inspect(path, name, LIMITS) for path, name in files]


def test_it_refuses_in_the_same_words(tmp_path: Path) -> None:
    (path,) = put(tmp_path, b"nonsense")
    said = []
    for look in (lambda: inspect_all([(path, "\udce4.docx")], LIMITS), lambda: inspect(path, "\udce4.docx", LIMITS)):
        with pytest.raises(RefusedError) as caught:
            look()
        said.append((caught.value.template, caught.value.facts))
    assert said[0] == said[1]


def test_all_files_share_one_budget(tmp_path: Path) -> None:
    half = packed({"a.txt": b"a" * 600_000})
    paths = put(tmp_path, half, half)
    with pytest.raises(RefusedError, match="together with the files before it"):
        inspect_all([(path, "a.zip") for path in paths], Limits(unpacked_bytes=1_000_000))


def test_the_worst_costs_this_process_next_to_nothing(tmp_path: Path) -> None:
    fields = b'<w:fldSimple w:instr="a"/>' * 300_000
    (path,) = put(tmp_path, package("docx", {"word/document.xml": b'<w:d xmlns:w="w">' + fields + b"</w:d>"}))
    began, children = time.process_time(), psutil.Process().cpu_times().children_user
    inspect_all([(path, "a.docx")], LIMITS)
    assert psutil.Process().cpu_times().children_user - children > 0.1
    assert time.process_time() - began < 0.1


def test_what_ends_without_an_answer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = put(tmp_path, package("docx"))
    monkeypatch.setattr(apart, "MAX_SECONDS", 0.001)
    with pytest.raises(RefusedError, match="too large to be looked through"):
        inspect_all([(path, "a.docx")], LIMITS)
    monkeypatch.undo()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RefusedError, match="too large to be looked through"):
        inspect_all([(path, "a.docx")], LIMITS)
