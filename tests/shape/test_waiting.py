"""What a test waits for may take as long as it takes: no test gives a crowded machine less than `patience.py` does."""

import ast
from collections.abc import Iterator

from repository import ROOT, python

ASKING = {"get", "post", "put", "patch", "delete", "request", "stream", "Client", "AsyncClient"}
"""Calls of httpx that give up after five seconds where nothing else is said."""
LONG_ENOUGH = {"timeout", "transport", None}
"""Says how long, asks in this process, or hands on what may say it."""


def named(what: ast.expr) -> str:
    """As it is written where it is a name, or a name's name; nothing else is looked for, and to write down every
    expression took longer than to read it."""
    if isinstance(what, ast.Attribute) and isinstance(what.value, ast.Name):
        return f"{what.value.id}.{what.attr}"
    return what.id if isinstance(what, ast.Name) else ""


def hurried(tree: ast.AST) -> Iterator[int]:
    """The lines of calls that give up too soon. Less than a second is meant: nothing shall come of it."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = named(call.func)
        module, _, what = name.rpartition(".")
        if module == "httpx" and what in ASKING:
            if not LONG_ENOUGH & {each.arg for each in call.keywords}:
                yield call.lineno
        elif name in ("asyncio.timeout", "asyncio.wait_for", "until") and any(
            isinstance(each, ast.Constant) and isinstance(each.value, int | float) and each.value >= 1
            for each in call.args
        ):
            yield call.lineno


def test_no_test_gives_up_on_a_crowded_machine() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in python("tests")
        for line in hurried(ast.parse(file.read_text()))  # one tree at a time: to keep all took longer
    ]
    assert found == [], "say PATIENCE_S of tests/patience.py"


def test_what_gives_up_is_found() -> None:
    for wrong in ("httpx.get(url)", "httpx.Client()", "asyncio.timeout(60)", "until(lambda: True, 10, why)"):
        assert list(hurried(ast.parse(wrong))) == [1], wrong
    for right in ("httpx.get(url, timeout=PATIENCE_S)", "asyncio.timeout(0.1)", "until(true, PATIENCE_S, why)"):
        assert list(hurried(ast.parse(right))) == [], right
