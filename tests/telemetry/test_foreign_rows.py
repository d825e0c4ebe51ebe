"""Rows of foreign spans, column by column: what many become together is what each becomes by itself."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ways import NOW, span

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import BLOB_BYTES
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.mapping.came import arrival_of
from trimtab.telemetry.mapping.plan import Plan
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.readings import mapped_of, read_all
from trimtab.telemetry.mapping.rows import ForeignRows, Shown
from trimtab.telemetry.mapping.sums import Sums
from trimtab.telemetry.rows import Rows

TEXT = st.one_of(st.sampled_from(["", "openai", "chat", "gpt-4o-mini", "stop", "x" * 600]), st.text(max_size=8))
WHOLE = st.one_of(st.integers(0, 1000), st.sampled_from([-1, 1 << 60]))
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "gen_ai.operation.name": st.sampled_from(["chat", "execute_tool", "invoke_agent", "embeddings", "?"]),
        "gen_ai.provider.name": TEXT,
        "gen_ai.request.model": TEXT,
        "gen_ai.response.model": TEXT,
        "gen_ai.response.id": TEXT,
        "gen_ai.usage.input_tokens": WHOLE,
        "gen_ai.usage.output_tokens": WHOLE,
        "gen_ai.usage.cache_read.input_tokens": WHOLE,
        "gen_ai.usage.cost": st.sampled_from([0.25, "0.5", -1]),
        "gen_ai.response.time_to_first_chunk": st.sampled_from([0.5, 1e18]),
        "gen_ai.input.messages": TEXT,
        "gen_ai.output.messages": TEXT,
        "gen_ai.tool.name": TEXT,
        "gen_ai.tool.call.arguments": TEXT,
        "session.id": TEXT,
        "user.id": TEXT,
        "tag.tags": st.lists(TEXT, max_size=3),
        "http.response.status_code": st.sampled_from([200, 503, 99_999]),
        "error.type": TEXT,
        "segment": TEXT,
    },
)
SPANS = st.lists(
    st.builds(
        span, st.integers(1, 50), attributes=ATTRIBUTES, name=TEXT, status_code=st.integers(0, 2),
        end_ns=st.sampled_from([0, NOW + 7_000_000]), scope_name=TEXT,
    ),
    max_size=6,
)  # fmt: skip


def shown(spans: list[ForeignSpan], standing: list[bool]) -> list[Shown]:
    record = ForeignBatch(project="p", arrived_ns=NOW, key_id="key")
    arrivals = [arrival_of(place, record, each) for place, each in enumerate(spans)]
    found: list[Shown] = []
    sums = Sums()
    for arrival, reading in read_all(canonical, ForeignPrices(), arrivals):
        leaf = reading.canonical.usage is not None and not standing[arrival.owner]
        mapped = mapped_of(arrival, reading, leaf)
        sums.add(mapped)
        found.append((mapped, sums.copy() if standing[arrival.owner] else None))
    return found


def told(rows: Rows) -> dict[str, list[Any]]:
    return {table.name: [table.owners, table.rows()] for table in rows.tables()}


@settings(max_examples=60, deadline=None)
@given(spans=SPANS, standing=st.lists(st.booleans(), min_size=6, max_size=6))
def test_rows_of_many_spans_are_those_of_each_by_itself(spans: list[ForeignSpan], standing: list[bool]) -> None:
    some, maker = shown(spans, standing), ForeignRows(FolderBlobs(Path()))
    together, alone = Rows(), Rows()
    maker.add(together, some)
    for each in some:
        maker.add(alone, [each])
    assert told(together) == told(alone)
    assert [each.values for each in together.tables()] == [each.values for each in alone.tables()]


class Refusing(FolderBlobs):
    """Takes none that speaks of poison."""

    def put(self, content: bytes) -> str:
        if b"poison" in content:
            raise RuntimeError("It cannot be put.")
        return super().put(content)


def test_a_span_whose_rows_cannot_be_made_costs_no_other_its_rows(tmp_path: Path) -> None:
    large = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "poison" * BLOB_BYTES}
    spans = [span(1), span(2, attributes=large), span(3)]
    plan, rows = Plan(), Rows()
    plan.spans = shown(spans, [False] * 3)
    plan.rows(rows, ForeignRows(Refusing(tmp_path)))
    assert plan.broken == [(1, "RuntimeError: It cannot be put.")]
    assert rows.spans.owners == [0, 2]
    assert rows.spans.column("span_id") == [spans[0].span_id, spans[2].span_id]


def test_a_span_that_claims_more_than_any_call_uses_has_no_tokens_no_cost_and_says_what_it_claimed() -> None:
    said = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini"}
    claims = span(1, attributes={**said, "gen_ai.usage.input_tokens": 2**63 - 1, "gen_ai.usage.output_tokens": 3})
    honest = span(2, attributes={**said, "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 3})
    rows = Rows()
    ForeignRows(FolderBlobs(Path())).add(rows, shown([claims, honest], [False, False]))
    assert rows.spans.column("input_tokens") == [0, 1000]
    assert rows.spans.column("cost") == [None, 1000 * 150_000 + 3 * 600_000]
    assert [each.get("usage_refused") for each in rows.spans.column("metadata")] == [
        "input 9007199254740991, output 3",
        None,
    ]
    assert rows.ledger.column("span_id") == [honest.span_id]
