"""Where a project's texts are not indexed they are kept, but not once more for searches."""

from pathlib import Path
from typing import Any

import pytest
from makings import record
from ways import NOW, span

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry import silent
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.detectors import Detectors
from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.mapping.came import arrival_of
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.readings import mapped_of, read_all
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.search.query import reads_texts, reads_words
from trimtab.telemetry.silent import Silent
from trimtab.telemetry.switches.file import TEXT_INDEX, SwitchFile, write

SAID = {
    "gen_ai.operation.name": "chat",
    "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "Parrots?"}]}]',
}


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Silent:
    """As in the telemetry process, for a folder in which nothing is off in ``on`` and the index is in ``off``."""
    monkeypatch.setattr(silent, "INDEX_S", 0.0)
    write(tmp_path, {"off": frozenset({TEXT_INDEX})})
    return Silent(Detectors(SwitchFile(tmp_path)))


def rows_of_calls(looks: Silent, folder: Path, *projects: str) -> list[dict[str, Any]]:
    rows, mapper = Rows(), CallMapper(FolderBlobs(folder / "blobs"), looks)
    for owner, project in enumerate(projects):
        mapper.add(rows, owner, record(owner + 1, project=project))
    return rows.span_io.rows()


def test_texts_of_calls_are_kept_and_indexed_where_that_is_on(looks: Silent, tmp_path: Path) -> None:
    (on, off) = rows_of_calls(looks, tmp_path, "on", "off")
    assert "where is my parcel?" in on["text"]
    assert off["text"] == ""
    assert on["request"] == off["request"] != b""
    assert SwitchFile(tmp_path).indexes("on")
    assert not SwitchFile(tmp_path).indexes("off")


def test_texts_of_foreign_spans_as_well(looks: Silent, tmp_path: Path) -> None:
    rows, maker = Rows(), ForeignRows(FolderBlobs(tmp_path), looks)
    batches = [ForeignBatch(project=project, arrived_ns=NOW, key_id="key") for project in ("on", "off")]
    arrivals = [arrival_of(place, batch, span(place + 1, attributes=SAID)) for place, batch in enumerate(batches)]
    found = read_all(canonical, ForeignPrices(), arrivals)
    maker.add(rows, [(mapped_of(arrival, reading, True), None) for arrival, reading in found])
    (on, off) = rows.span_io.rows()
    assert ("parrots?" in on["text"], off["text"]) == (True, "")
    assert b"Parrots?" in on["request"]
    assert on["request"] == off["request"]
    assert [each["input_preview"] for each in rows.spans.rows()] == ["Parrots?", "Parrots?"]


def test_a_change_is_in_force_a_second_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr("trimtab.telemetry.silent.time.monotonic", lambda: now[0])
    looks = Silent(Detectors(SwitchFile(tmp_path)))
    assert looks.indexes("p")
    write(tmp_path, {"p": frozenset({TEXT_INDEX})})
    assert looks.indexes("p")
    now[0] += silent.INDEX_S
    assert not looks.indexes("p")


def test_only_words_of_texts_need_the_index() -> None:
    texts = "SELECT 1 FROM spans WHERE trace_id IN (SELECT trace_id FROM span_io WHERE text LIKE {a:String})"
    assert reads_texts(texts)
    assert reads_words(texts)
    explained = "SELECT 1 FROM scores WHERE positionCaseInsensitiveUTF8(explanation, {a:String}) > 0"
    assert (reads_texts(explained), reads_words(explained)) == (False, True)
    assert not reads_texts("SELECT text FROM span_io WHERE trace_id = {a:String}")
