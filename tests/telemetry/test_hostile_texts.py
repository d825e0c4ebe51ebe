"""Texts that mean something to some layer between a span and whoever looks for it: each is found by itself and by
nothing else, is offered as itself, and comes out of an export as it was stored."""

import asyncio
import io
from collections.abc import Coroutine, Iterator
from typing import Any, cast

import msgspec
import pyarrow.parquet
import pytest
from ways import NOW, Way, span

from trimtab.telemetry.export import Format, export
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.search.complete import complete, literal
from trimtab.telemetry.stores import Store
from trimtab.telemetry.views import Window

TEXTS = (
    "plain", "plainer", "pla", "100%", "100_", "100x", "%", "_", "%_\\", "\\", "\\\\", "\\'", "'", "''", '"', '\\"',
    "' OR 1=1 --", "{project:String}", "{q0:String}", "${HOME}", "$1", "?", "*", "**", "a*", "(.*)+$", "[a-z]{1,9999}",
    "a b", " a", "a ", "a\tb", "a\nb", "a\rb", "\x1b[31m", "\x7f", "\u0085", "\u200b", "\u202edor", "\u2066x\u2069",
    "שלום עולם", "مرحبا", "👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "\u00e9", "\ufffd", "\ufeff", "\U0010ffff", "Straße",
    "STRASSE", "ǅ", "OR", "AND", "NOT", "-", "--", "-x", ":", "a:b", "user:x", "()", "(a OR b)", ">", ">=1", "<x", "=x",
    "1..2",
    "..", "...", "null", "NULL", "true", "0", "NaN", "\\N", "\\0", "\\x00", "\\b", "`", "``", "/*", "*/", "--",
    "#", ";", "DROP TABLE spans", "#{x}", "<script>alert(1)</script>", "&amp;", "{{x}}", "{% x %}", "\u2028", "a" * 300,
)  # fmt: skip
UNIQUE = tuple(dict.fromkeys(TEXTS))
WINDOW = Window(start=NOW // 1_000_000 - 3_600_000, end=NOW // 1_000_000 + 3_600_000)


LONG = "needle in hay " + "\0'\\👩 " * 1_200_000 + "stack"
"""Of more than 10 MB."""


class Told:
    """A trace for each text, which stands in every place of its span; another project has the same."""

    def __init__(self, folder: Any, engine: Store, socket: Any) -> None:
        self.runner = asyncio.Runner()
        self.reader = TelemetryReader(socket)
        self.way, self.other = Way(folder / "ours", engine), Way(folder / "theirs", engine)
        for way, mark in ((self.way, 0), (self.other, 1)):
            way.send(*(self.span(number, text, mark) for number, text in enumerate(UNIQUE)))
            assert len(way.rows()) == len(UNIQUE)

    def span(self, number: int, text: str, mark: int) -> Any:
        said = msgspec.json.encode([{"role": "user", "parts": [{"type": "text", "content": f"before {text} behind"}]}])
        attributes = {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": text, "gen_ai.request.model": text,
            "gen_ai.input.messages": said.decode(), "user.id": text, "session.id": text, "metadata": text,
            "trimtab.tags": [text], "trimtab.metadata.team": text, "gen_ai.agent.name": text,
        }  # fmt: skip
        return span(number + 1, trace=f"{mark}{number + 1:031x}", name=text, attributes=attributes)

    def run(self, question: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(question)

    def found(self, q: str) -> set[str]:
        page = self.run(self.reader.traces(self.way.name, q, WINDOW, None, 500))
        return {row.trace_id for row in page.rows}

    def close(self) -> None:
        self.way.close()
        self.other.close()
        self.run(self.reader.aclose())
        self.runner.close()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, engine: Store, served: Any) -> Iterator[Told]:
    subject = Told(tmp_path_factory.mktemp("texts"), engine, served.socket)
    yield subject
    subject.close()


KEYS = ("user", "session", "model", "provider", "name")


def stored(told: Told, column: str) -> dict[str, str]:
    """What the store has in a column, by trace."""
    return dict(told.way.rows(f"trace_id, {column}"))


@pytest.mark.parametrize("key", KEYS)
def test_a_text_is_found_by_itself_and_by_nothing_else(told: Told, key: str) -> None:
    values = stored(told, key)
    assert len(set(values.values())) >= len(UNIQUE) - 6  # but for spaces around them
    for text in sorted(set(values.values()) - {""}):
        same = {trace for trace, value in values.items() if value == text}
        assert told.found(f"{key}:{literal(text)}") == same, text
        assert told.found(f"-{key}:{literal(text)}") == set(values) - same, text


def test_a_phrase_finds_the_texts_that_hold_it(told: Told) -> None:
    for number, text in list(enumerate(UNIQUE))[::2]:
        if any(char in text for char in "\t\n\r\x1b\x7f\u0085\u2028"):
            continue  # in JSON these are escapes
        trace = f"0{number + 1:031x}"
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        assert trace in told.found(f'"before {quoted} behind"'), text


@pytest.mark.parametrize("key", KEYS)
def test_a_text_is_offered_as_itself(told: Told, key: str) -> None:
    values = {value for value in stored(told, key).values() if value}
    for text in sorted(values):
        begun = f"{key}:{literal(text)}"
        begun = begun.removesuffix('"') if len(begun) < 50 else begun[:50]  # as while it is typed
        found = told.run(complete(told.reader, told.way.name, begun, len(begun), WINDOW, of="spans"))
        assert all(begun[: found.start] + item.text for item in found.items)
        if len(text) < 200:
            offered = {item.text.strip() for item in found.items}
            assert literal(text) in offered, (text, offered)


@pytest.mark.parametrize("fmt", ["jsonl", "parquet"])
def test_an_export_has_each_text_as_it_is(told: Told, fmt: Format) -> None:
    columns = {name: stored(told, name) for name in ("name", "model", "user", "session", "input_preview")}
    page = told.run(export(told.reader, told.way.name, "spans", fmt, ("", WINDOW), limit=10_000, cursor=None))
    if fmt == "parquet":
        rows = cast("Any", pyarrow.parquet).read_table(io.BytesIO(page.content)).to_pylist()
    else:
        rows = [msgspec.json.decode(line) for line in page.content.splitlines()]
    assert page.rows == len(rows) == len(UNIQUE)
    for row in rows:
        for name, values in columns.items():
            assert row[name] == values[row["trace_id"]], (name, row[name])
    content = told.run(export(told.reader, told.way.name, "content", fmt, ("", WINDOW), limit=1_000, cursor=None))
    assert content.rows == len(UNIQUE)


def test_a_text_of_10_mb_is_stored_found_and_exported(told: Told, engine: Store, served: Any, tmp_path: Any) -> None:
    way = Way(tmp_path, engine)
    messages = msgspec.json.encode([{"role": "user", "content": LONG}]).decode()
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.prompt": messages,
        "user.id": LONG,
        "gen_ai.request.model": LONG,
    }
    way.send(span(1, attributes=attributes, name=LONG), span(2, trace="b" * 32, name="beside"))
    assert len(way.rows()) == 2
    page = told.run(told.reader.traces(way.name, '"needle in hay"', WINDOW, None, 50))
    assert [row.trace_id for row in page.rows] == ["a" * 32]
    for what in ("spans", "content"):
        for fmt in ("jsonl", "parquet"):
            found = told.run(export(told.reader, way.name, what, fmt, ("", WINDOW), limit=1_000, cursor=None))
            assert found.rows >= 1
    way.close()
