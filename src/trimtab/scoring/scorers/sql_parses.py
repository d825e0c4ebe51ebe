"""Whether the answer is SQL that SQLite takes. It is compiled, never run.

Without ``tables`` only its grammar is looked at; with them, also whether its tables and columns are there. SQLite's
dialect is what is asked: much of what PostgreSQL or MySQL add it does not know.
"""

import re
import sqlite3
from contextlib import closing
from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.core.errors import InvalidRequest
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import fenced
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict

_NO_GRAMMAR: Final = re.compile(
    r"^no such (?:table|column|function|collation sequence|module|view|index|trigger|database)|"
    r"^unknown database|^table \S+ has (?:no column|\d+ columns)|^wrong number of arguments|^ambiguous column"
)
"""What SQLite says of a statement whose grammar is right."""
_READS: Final = re.compile(r"\s*(?:select|with|values)\b", re.IGNORECASE)
_WRITES: Final = re.compile(r"\b(?:insert|replace)\s+into\b|\bdelete\s+from\b|\bupdate\s+\S+\s+set\b", re.IGNORECASE)
_MADE: Final = frozenset(
    (sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_INSERT,
     sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_REINDEX)
)  # fmt: skip
"""What making tables may do: nothing that reads a file, calls a function or runs a query."""
_BARRED: Final = frozenset((sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA))


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``tables``: CREATE statements of the tables that the SQL is about. ``fence``: what stands in the answer's only
    code fence is looked at, where it has one. ``only_reads``: nothing but SELECT is right."""

    tables: Annotated[str, Meta(max_length=50_000)] = ""
    fence: bool = True
    only_reads: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    answer = sample.output or ""
    text = ((fenced(answer) if options.fence else None) or answer).strip()
    if not text.strip("; \n"):
        return Scored(value=0.0, explanation="There is no SQL.")
    if "\0" in text:
        return Scored(value=0.0, explanation="It has a null character.")
    statements = _statements(text)
    if len(statements) > 100:
        return CannotScore(reason="sql_parses reads at most 100 statements.")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200)
        _make(connection, options.tables)
        connection.set_authorizer(_compiling)
        for statement in statements:
            if options.only_reads and (not _READS.match(statement) or _WRITES.search(statement)):
                return Scored(value=0.0, explanation=f"It does more than read: {statement.strip()[:60]!r}.")
            why = _mistake(connection, statement, known=bool(options.tables))
            if why:
                return Scored(value=0.0, explanation=f"SQLite says: {why}.")
    return Scored(value=1.0)


def _making(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _MADE else sqlite3.SQLITE_DENY


def _compiling(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action in _BARRED else sqlite3.SQLITE_OK


def _make(connection: sqlite3.Connection, tables: str) -> None:
    connection.set_authorizer(_making)
    try:
        connection.executescript(tables)
    except (sqlite3.Error, ValueError) as error:
        fix = "Give CREATE TABLE, VIEW or INDEX statements without queries."
        raise InvalidRequest(f"The tables cannot be made: {error}.", fix=fix, param="tables") from error


def _mistake(connection: sqlite3.Connection, statement: str, *, known: bool) -> str:
    try:
        connection.execute(f"EXPLAIN {statement}", ()).close()
    except sqlite3.ProgrammingError as error:  # placeholders are right in SQL that a program fills in
        return "" if "binding" in str(error).lower() else str(error)
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeEncodeError) as error:
        return "" if not known and _NO_GRAMMAR.match(str(error)) else str(error)
    return ""


def _statements(text: str) -> list[str]:
    """Cut where SQLite says that a statement is whole."""
    found: list[str] = []
    begun = ""
    for part in re.split(r"(?<=;)", text)[:1000]:
        begun += part
        if len(found) > 100 or sqlite3.complete_statement(begun):
            if begun.strip("; \n\t\r"):
                found.append(begun.strip().rstrip(";"))
            begun = ""
    if begun.strip("; \n\t\r"):
        found.append(begun.strip().rstrip(";"))
    return found


PLUG = Rule(
    name="sql_parses",
    version="1",
    about="The answer is SQL that SQLite compiles, over given tables where there are some.",
    options=Options,
    judge=_judge,
    most=20_000,
)
