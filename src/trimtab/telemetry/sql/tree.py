"""What a statement would read and call, in the engine's own words: ``EXPLAIN QUERY TREE run_passes = 0``.

The engine parses the very text that will be run and tells its tree, before any name is resolved and anything is done.
Here that tree is walked: every table must be one of our views or a common table expression that is in scope there,
every function one that may be called. What is not known is refused, so an engine that can more lets nothing through.
https://clickhouse.com/docs/sql-reference/statements/explain#explain-query-tree
"""

import re
from typing import Final

from msgspec import Struct

from trimtab.telemetry.sql.functions import may_call
from trimtab.telemetry.sql.text import refused

_NODES: Final = frozenset(
    (
        "QUERY", "UNION", "LIST", "IDENTIFIER", "CONSTANT", "FUNCTION", "LAMBDA", "MATCHER", "SORT", "WINDOW", "JOIN",
        "CROSS JOIN", "ARRAY_JOIN", "TABLE_FUNCTION", "INTERPOLATE", "APPLY COLUMN TRANSFORMER",
        "EXCEPT COLUMN TRANSFORMER", "REPLACE COLUMN TRANSFORMER", "COLUMN_TRANSFORMER", "ARGUMENTS", "ARGUMENT",
    )
)  # fmt: skip
_TABLES: Final = frozenset(("JOIN TREE", "TABLE EXPRESSION", "LEFT TABLE EXPRESSION", "RIGHT TABLE EXPRESSION"))
"""Parts of a tree in which a name is a table's."""
_TABLE_FUNCTIONS: Final = frozenset(("numbers", "generateseries", "generate_series"))
_NOTHING: Final = "system.one"
"""What the engine reads from where nothing is read: one row of nothing."""
_IN = re.compile(r"(?i)(global)?(not)?(null)?in")
_LINE = re.compile(r"( *)(.*)")
_NODE = re.compile(r"([A-Z_]+(?: [A-Z_]+)*) id: \d+(?:, (.*))?")
_PLAIN = re.compile(r"\w+", re.ASCII)


class Part(Struct):
    """A node of the tree (``about`` is what is told of it), or a named part of one (``about`` is None)."""

    kind: str
    about: str | None
    parts: "list[Part]"

    def told(self, name: str) -> str:
        """One of the things that are told: ``identifier``, ``function_name``…; empty where it is not."""
        found = re.search(rf"(?:^|, ){name}: (.*?)(?=, \w+: |$)", self.about or "")
        return found[1] if found else ""

    def section(self, kind: str) -> "list[Part]":
        return [inner for part in self.parts if part.kind == kind for inner in part.parts]


def read(lines: list[str]) -> Part:
    """The tree whose lines these are; depth is two spaces."""
    root = Part("", None, [])
    path = [root]
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None or not found[2]:
            continue
        level = len(found[1]) // 2
        node = _NODE.fullmatch(found[2])
        part = Part(node[1], node[2] or "", []) if node else Part(found[2], None, [])
        if level >= len(path):
            raise refused("This statement cannot be checked.", "Write it in a plainer way.")
        del path[level + 1 :]
        path[level].parts.append(part)
        path.append(part)
    return root


def check(tree: Part, views: frozenset[str], inside: frozenset[str]) -> None:
    """Refuse what is not known. ``inside`` are the tables that the views themselves read; nothing else may be called by
    their names. Raises `InvalidRequest`."""
    (whole,) = tree.parts if len(tree.parts) == 1 else (None,)
    if whole is None or whole.kind != "QUERY":
        raise refused("This is not one SELECT.", "Ask for one at a time.")
    ours = [part for list_ in whole.section("WITH") for part in list_.parts]
    if [part.told("cte_name") for part in ours] != sorted(views):
        raise refused("The views were hidden.", "Call nothing by the name of a view.")
    for part in whole.parts:
        if part.kind != "WITH":
            for inner in part.parts:
                _walk(inner, part.kind, views, views | inside)


def _walk(part: Part, section: str, scope: frozenset[str], taken: frozenset[str]) -> None:
    if part.about is None:
        if part.kind.startswith("SETTINGS"):
            raise refused("SETTINGS cannot be used here.", "Settings cannot be changed.")
        for inner in part.parts:
            _walk(inner, part.kind, scope, taken)
        return
    if part.kind not in _NODES:
        raise refused(f"{part.kind.capitalize()[:60]} cannot be used here.", "Write it in a plainer way.")
    if part.kind == "IDENTIFIER" and section in _TABLES:
        _table(part.told("identifier"), scope)
    elif part.kind == "TABLE_FUNCTION":
        _table_function(part)
    elif part.kind == "FUNCTION":
        _function(part, scope)
    elif part.kind == "QUERY":
        scope = _common(part, scope, taken)
    for inner in part.parts:
        if part.kind != "QUERY" or inner.kind != "WITH":
            _walk(inner, "", scope, taken)


def _common(query: Part, scope: frozenset[str], taken: frozenset[str]) -> frozenset[str]:
    """What is in scope within a query: its common table expressions too, each from the next one on."""
    recursive = "is_recursive_with: 1" in (query.about or "")
    for part in [inner for list_ in query.section("WITH") for inner in list_.parts]:
        name = part.told("cte_name")
        if name and (name in taken or not _PLAIN.fullmatch(name)):
            fix = "Take another name, of letters, digits and underscores."
            raise refused(f"Nothing can be called {name[:60]!r} here.", fix)
        inner = scope | {name} if name and recursive and part.told("is_recursive_cte") else scope
        _walk(part, "WITH", inner, taken)
        if name:
            scope |= {name}
    return scope


def _table(name: str, scope: frozenset[str]) -> None:
    if name not in scope and name != _NOTHING:
        raise refused(f"There is no table {name[:80]!r}.", "Tables are spans, texts, ledger and scores.")


def _table_function(part: Part) -> None:
    name = part.told("table_function_name")
    arguments = [inner for list_ in part.section("ARGUMENTS") for inner in list_.parts]
    if name.lower() not in _TABLE_FUNCTIONS or any(inner.kind != "CONSTANT" for inner in arguments):
        raise refused(f"{name[:60]}() cannot be read from.", "Tables are spans, texts, ledger, scores and numbers(n).")


def _function(part: Part, scope: frozenset[str]) -> None:
    name = part.told("function_name")
    if _IN.fullmatch(name):
        arguments = [inner for list_ in part.section("ARGUMENTS") for inner in list_.parts]
        for inner in arguments[1:]:
            if inner.kind == "IDENTIFIER" and inner.told("identifier") not in scope:
                said = inner.told("identifier")[:60]
                raise refused(f"IN {said} would read a table.", f"Write has({said}, x), or IN (SELECT …).")
    elif not may_call(name):
        raise refused(f"The function {name[:60]}() cannot be called here.", "docs/search.md says which can.")
