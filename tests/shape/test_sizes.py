"""Nothing grows beyond what can be read. The lists of exceptions may only shrink: a number here is never raised."""

import ast
from functools import cache
from pathlib import Path

import pytest
from repository import ROOT, python

FILE_LINES = 600
FUNCTION_LINES = 80
PARAMETERS = 8

LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}
MANY_PARAMETERS: dict[str, int] = {
    # Named options of a call that people write by hand; a struct would have to be built first.
    "src/trimtab/cli/providers.py:add": 8,
    "src/trimtab/cli/models.py:add": 8,
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def functions() -> list[tuple[str, int, int]]:
    """Of all sources, which are read once for both who look at them: name, lines and parameters. Their trees are let go
    of: to look through all of them for garbage took longer than to read them twice."""
    return [each for file in SOURCES for each in _functions(file)]


def _functions(file: Path) -> list[tuple[str, int, int]]:
    tree = ast.parse(file.read_text())
    name = str(file.relative_to(ROOT))
    return [
        (f"{name}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, _parameters(node))
        for node in ast.walk(tree)
        if isinstance(node, Function)
    ]


def _parameters(node: Function) -> int:
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return sum(name not in ("self", "cls") for name in names)


def over(found: dict[str, int], bound: int, excepted: dict[str, int]) -> dict[str, int]:
    return {name: size for name, size in found.items() if size > excepted.get(name, bound)}


SOURCES = python("src")
OURS = python("src", "tests", "bench", "scripts")


def test_no_file_is_longer_than_it_may_be() -> None:
    lengths = {str(file.relative_to(ROOT)): file.read_text().count("\n") for file in OURS}
    assert over(lengths, FILE_LINES, LONG_FILES) == {}


def test_no_function_is_longer_than_it_may_be() -> None:
    lengths = {name: lines for name, lines, _ in functions()}
    assert over(lengths, FUNCTION_LINES, LONG_FUNCTIONS) == {}


def test_no_function_takes_more_than_it_may() -> None:
    # The root of the error tree takes what an error may say; each part by name, most left out.
    counts = {name: parameters for name, _, parameters in functions()}
    assert over(counts, PARAMETERS, MANY_PARAMETERS) == {}


@pytest.mark.parametrize("excepted", [LONG_FILES, LONG_FUNCTIONS], ids=["files", "functions"])
def test_an_exception_that_is_no_longer_needed_is_removed(excepted: dict[str, int]) -> None:
    for name in excepted:
        assert (ROOT / name.partition(":")[0]).exists(), name
