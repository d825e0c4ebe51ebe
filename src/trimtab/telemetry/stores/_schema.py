"""The tables, as a template: MergeTree in a folder or on one server, ReplicatedMergeTree on a cluster.

- ``spans``: one wide, narrow row per span with its trace's values, no long text. Ordered by (project, entry, start), so
  a list reads its newest granules backwards; a bloom filter finds a trace. Small granules and small compressed blocks,
  because most questions read many columns of few rows (measured: a third less time, 5 % more disk), in LZ4, which costs
  a fifth less CPU to insert and to merge than ZSTD does.
- ``span_io``: the long texts, as they travelled, and once more as plain lower-case text under an inverted index for
  search. Read by one span at a time, or for the few texts that hold every word of a phrase: hence very small granules.
- ``ledger``: one row per attempt, for the books (`calls/ledger_rows.py`). A row is replaced by a later version of
  itself, so questions to it say FINAL: a crashed call's estimate gives way to its record, a cost to its re-pricing.

Migrations are a list that only grows; each is a number and its statements, all of which may run twice.
"""

import re
from collections.abc import Callable, Mapping
from string import Template
from typing import Final

import msgspec
from msgspec import Struct

from trimtab.telemetry import shown
from trimtab.telemetry.stores import bind
from trimtab.telemetry.stores._changes import LOCAL

SHARDED_BY: Final = {
    "spans": "trace_id",
    "span_io": "trace_id",
    "span_raw": "trace_id",
    "scores": "trace_id",
    "tool_calls": "trace_id",
    "arrivals": "trace_id",
    "remakes": "trace_id",
    "ledger": "span_id",
}
"""What decides on a row's shard: never changed by a later version of the row, so that versions meet in one place."""
_NAMED = re.compile(r"\s*(CREATE TABLE IF NOT EXISTS|ALTER TABLE|DROP TABLE IF EXISTS) (\w+)")
_WINDOW: Final = "non_replicated_deduplication_window = 1000"
# Several writers share a shard's window, and one that was away for a week must still find its last batch in it.
_SHARED_WINDOW: Final = "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 1209600"


class Topology(Struct, frozen=True, kw_only=True):
    """``cluster`` is empty for one node. On a cluster the server's own macros name shard and replica."""

    cluster: str = ""

    def fill(self, statement: str, *, shard: str = "{shard}", replica: str = "{replica}") -> str:
        if not self.cluster:
            return Template(statement).substitute(
                cluster="", merge_tree="MergeTree", replacing="ReplacingMergeTree(version)"
            )
        at = f"'/clickhouse/tables/{shard}/{{database}}/{{table}}', '{replica}'"
        filled = Template(statement).substitute(
            cluster=f"ON CLUSTER `{self.cluster}`",
            merge_tree=f"ReplicatedMergeTree({at})",
            replacing=f"ReplicatedReplacingMergeTree({at}, version)",
        )
        return filled.replace(_WINDOW, _SHARED_WINDOW)

    def versions(self) -> str:
        """The table of the schema's version: one for all shards."""
        return self.fill(_VERSIONS, shard="all", replica="{shard}-{replica}")

    def statements(self, statement: str) -> tuple[str, ...]:
        """What one statement of a migration is here. On a cluster a table is two: its rows of one shard, and the one
        that reads and writes all of them (https://clickhouse.com/docs/engines/table-engines/special/distributed)."""
        named = _NAMED.match(statement)
        if not self.cluster or named is None:
            return (self.fill(statement),)
        verb, name = named[1], named[2]
        local = self.fill(statement[: named.start(2)] + name + LOCAL + statement[named.end(2) :])
        if verb.startswith("CREATE"):
            engine = f"Distributed(`{self.cluster}`, currentDatabase(), {name}{LOCAL}, cityHash64({SHARDED_BY[name]}))"
            made = f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER `{self.cluster}` AS {name}{LOCAL} ENGINE = {engine}"
            return (local, made)
        if verb.startswith("DROP"):
            return (self.fill(statement), local)
        columns = re.search(r"\b(ADD|DROP|RENAME) COLUMN\b|\bDEFAULT\b", statement)  # who takes rows in fills them up
        return (local, self.fill(statement)) if columns else (local,)


# An insert is acknowledged to the spool, which then forgets: so its part is on the disk, not in a cache. The window is
# how many batches back a repeated insert is recognised; the writer repeats only the last one.
_DURABLE: Final = "fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000"

# A part that the writer inserts stays one file; with a file and an fsync per column it costs half as much again.
# Merging ten parts at a time instead of five rewrites each row less often (measured: a tenth less CPU per call).
_PARTS: Final = "min_bytes_for_wide_part = 67108864, merge_selector_base = 10"

_VERSIONS: Final = """
CREATE TABLE IF NOT EXISTS schema_versions ${cluster} (version UInt32, applied DateTime DEFAULT now())
ENGINE = ${merge_tree} ORDER BY version"""

_SPANS: Final = f"""
CREATE TABLE IF NOT EXISTS spans ${{cluster}} (
    project LowCardinality(String),
    trace_id String,
    span_id String,
    parent_span_id String,
    request_id String,
    entry UInt8,
    leaf UInt8,
    kind LowCardinality(String),
    name LowCardinality(String),
    status LowCardinality(String),
    start_ns Int64 CODEC(Delta, LZ4),
    duration_ns Int64,
    ttft_ns Nullable(Int64),
    model LowCardinality(String),
    model_used LowCardinality(String),
    provider LowCardinality(String),
    provider_kind LowCardinality(String),
    tried Array(LowCardinality(String)),
    app LowCardinality(String),
    release LowCardinality(String),
    environment LowCardinality(String),
    feature LowCardinality(String),
    session String,
    user String,
    key_id LowCardinality(String),
    tags Array(LowCardinality(String)),
    metadata Map(LowCardinality(String), String),
    stream UInt8,
    stop LowCardinality(String),
    http_status UInt16,
    error_code LowCardinality(String),
    error_message String,
    error_source LowCardinality(String),
    input_tokens UInt64 CODEC(T64, LZ4),
    cache_read_tokens UInt64 CODEC(T64, LZ4),
    cache_write_tokens UInt64 CODEC(T64, LZ4),
    output_tokens UInt64 CODEC(T64, LZ4),
    reasoning_tokens UInt64 CODEC(T64, LZ4),
    tokens_estimated UInt8,
    cost Nullable(Int64),
    price LowCardinality(String),
    unpriced UInt16,
    attempts UInt16,
    fallbacks UInt16,
    captured UInt8,
    shared_io UInt8,
    input_preview String,
    output_preview String,
    decision String,
    response_id String,
    user_agent LowCardinality(String),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_request request_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_session session TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user user TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ${{merge_tree}}
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(start_ns, 'UTC'))
ORDER BY (project, entry, start_ns, span_id)
SETTINGS index_granularity = 256, min_compress_block_size = 8192, {_PARTS}, {_DURABLE}"""

_SPAN_IO: Final = f"""
CREATE TABLE IF NOT EXISTS span_io ${{cluster}} (
    project LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    start_ns Int64 CODEC(Delta, ZSTD(1)),
    request_dialect LowCardinality(String),
    response_dialect LowCardinality(String),
    stream UInt8,
    request String CODEC(ZSTD(1)),
    response String CODEC(ZSTD(1)),
    request_blob String CODEC(ZSTD(1)),
    response_blob String CODEC(ZSTD(1)),
    note String CODEC(ZSTD(1)),
    text String CODEC(ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 8,
    INDEX words text TYPE text(tokenizer = 'splitByNonAlpha')
) ENGINE = ${{merge_tree}}
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(start_ns, 'UTC'))
ORDER BY (project, start_ns, trace_id, span_id)
SETTINGS index_granularity = 32, min_compress_block_size = 16384, max_compress_block_size = 131072,
    {_PARTS}, {_DURABLE}"""

_LEDGER: Final = f"""
CREATE TABLE IF NOT EXISTS ledger ${{cluster}} (
    project LowCardinality(String),
    at_ns Int64 CODEC(Delta, ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    attempt UInt16,
    outcome LowCardinality(String),
    provider LowCardinality(String),
    provider_kind LowCardinality(String),
    model LowCardinality(String),
    model_used LowCardinality(String),
    app LowCardinality(String),
    release LowCardinality(String),
    environment LowCardinality(String),
    feature LowCardinality(String),
    session String CODEC(ZSTD(1)),
    user String CODEC(ZSTD(1)),
    key_id LowCardinality(String),
    response_id String CODEC(ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_read_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens UInt64 CODEC(T64, ZSTD(1)),
    audio_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    audio_output_tokens UInt64 CODEC(T64, ZSTD(1)),
    metered UInt8,
    tokens_estimated UInt8,
    cost Nullable(Int64) CODEC(ZSTD(1)),
    price LowCardinality(String)
) ENGINE = ${{merge_tree}}
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(at_ns, 'UTC'))
ORDER BY (project, at_ns, span_id)
SETTINGS {_PARTS}, {_DURABLE}"""

# The books anew: versions of a row, the parts of its cost, what it was booked at first, and by what it is explored. The
# rows of the first table are made again from the attempts' spans, which know all of them but the breakdowns of buckets.
# Dropping comes first, so that running it twice ends the same.
_LEDGER_DROP: Final = "DROP TABLE IF EXISTS ledger ${cluster} SYNC"
_LEDGER_2: Final = f"""
CREATE TABLE IF NOT EXISTS ledger ${{cluster}} (
    project LowCardinality(String),
    at_ns Int64 CODEC(Delta, ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    attempt UInt16,
    final UInt8,
    outcome LowCardinality(String),
    provider LowCardinality(String),
    provider_kind LowCardinality(String),
    model LowCardinality(String),
    model_used LowCardinality(String),
    model_name LowCardinality(String),
    asked LowCardinality(String),
    app LowCardinality(String),
    release LowCardinality(String),
    environment LowCardinality(String),
    feature LowCardinality(String),
    segment LowCardinality(String),
    session String CODEC(ZSTD(1)),
    user String CODEC(ZSTD(1)),
    key_id LowCardinality(String),
    tags Array(LowCardinality(String)),
    prompt LowCardinality(String),
    prompt_preview LowCardinality(String),
    fingerprint UInt64 CODEC(ZSTD(1)),
    response_id String CODEC(ZSTD(1)),
    duration_ns Int64 CODEC(ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_read_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens UInt64 CODEC(T64, ZSTD(1)),
    audio_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    audio_output_tokens UInt64 CODEC(T64, ZSTD(1)),
    images UInt32,
    metered UInt8,
    tokens_estimated UInt8,
    currency LowCardinality(String),
    cost Nullable(Int64) CODEC(ZSTD(1)),
    cost_parts Array(Int64) CODEC(ZSTD(1)),
    price LowCardinality(String),
    booked_cost Nullable(Int64) CODEC(ZSTD(1)),
    booked_price LowCardinality(String),
    repricing LowCardinality(String),
    version UInt64
) ENGINE = ${{replacing}}
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(at_ns, 'UTC'))
ORDER BY (project, at_ns, span_id)
SETTINGS {_PARTS}, {_DURABLE}"""
_LEDGER_FILL: Final = """
INSERT INTO ledger (project, at_ns, request_id, trace_id, span_id, attempt, final, outcome, provider, provider_kind,
    model, model_used, asked, app, release, environment, feature, session, user, key_id, tags, response_id, duration_ns,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, metered, tokens_estimated,
    currency, cost, price, booked_cost, booked_price, version)
SELECT project, start_ns, request_id, trace_id, span_id, row_number() OVER calls - 1,
    row_number() OVER calls = count() OVER (PARTITION BY project, request_id),
    multiIf(status = 'ok', 'answer', status = 'cancelled', 'cancel', 'error'), provider, provider_kind, model,
    model_used, '', app, release, environment, feature, session, user, key_id, tags, response_id, duration_ns,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
    unpriced OR cost IS NOT NULL, tokens_estimated, 'USD', cost, price, cost, price, 1
FROM spans WHERE leaf = 1 WINDOW calls AS (PARTITION BY project, request_id ORDER BY start_ns, span_id)"""

# What a person sees of a span (`shown.py`), made by the engine also of rows that came before the column did.
_SPANS_SHOWN: Final = f"""
ALTER TABLE spans ${{cluster}}
ADD COLUMN IF NOT EXISTS shown String DEFAULT {shown.OF_ANY}"""
# All texts are read for a phrase whose words rule nothing out: twice as fast from LZ4, for a quarter more disk.
_FAST_TEXT: Final = "ALTER TABLE span_io ${cluster} MODIFY COLUMN text CODEC(LZ4)"

# A row is replaced by a later version of itself, so questions say FINAL. Ordered by the trace, because a trace is
# opened more often than anything else is asked; two versions of a score may differ in time, hence no partitions.
_SCORES: Final = f"""
CREATE TABLE IF NOT EXISTS scores ${{cluster}} (
    project LowCardinality(String),
    id String CODEC(ZSTD(1)),
    target LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    session String CODEC(ZSTD(1)),
    name LowCardinality(String),
    value Nullable(Float64) CODEC(ZSTD(1)),
    label String CODEC(ZSTD(1)),
    explanation String CODEC(ZSTD(1)),
    source LowCardinality(String),
    evaluator LowCardinality(String),
    evaluator_version LowCardinality(String),
    author String CODEC(ZSTD(1)),
    at_ns Int64 CODEC(Delta, ZSTD(1)),
    key String CODEC(ZSTD(1)),
    supersedes String CODEC(ZSTD(1)),
    valid UInt8,
    version UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = ${{replacing}}
ORDER BY (project, trace_id, id)
SETTINGS index_granularity = 1024, {_PARTS}, {_DURABLE}"""

# What models asked tools to do: a row per call in an answer. Mapping a record again makes the same rows.
_TOOL_CALLS: Final = f"""
CREATE TABLE IF NOT EXISTS tool_calls ${{cluster}} (
    project LowCardinality(String),
    at_ns Int64 CODEC(Delta, ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    number UInt16,
    session String CODEC(ZSTD(1)),
    model LowCardinality(String),
    tool LowCardinality(String),
    call_id String CODEC(ZSTD(1)),
    arguments_hash UInt64 CODEC(ZSTD(1)),
    problem LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ${{replacing}}
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(at_ns, 'UTC'))
ORDER BY (project, at_ns, span_id, number)
SETTINGS {_PARTS}, {_DURABLE}"""

# What a foreign span was before anything was made of it, each time that it came: a better mapping starts from here.
# ``digest`` tells a span that merely came again from one that has news.
_SPAN_RAW: Final = f"""
CREATE TABLE IF NOT EXISTS span_raw ${{cluster}} (
    project LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    start_ns Int64 CODEC(Delta, ZSTD(1)),
    arrived_ns Int64 CODEC(Delta, ZSTD(1)),
    key_id LowCardinality(String),
    convention LowCardinality(String),
    mapper_version UInt32,
    digest UInt64,
    raw String CODEC(ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ${{merge_tree}}
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(start_ns, 'UTC'))
ORDER BY (project, start_ns, trace_id, span_id)
SETTINGS index_granularity = 256, {_PARTS}, {_DURABLE}"""

# What names no codec is inserted in LZ4, but the embedded engine merges it into ZSTD(3), a server into what it is
# configured for: to read that costs twice the CPU, to merge it a fifth more (ADR 0012).
_FAST_DEFAULT: Final = tuple(
    f"ALTER TABLE {table} ${{cluster}} MODIFY SETTING default_compression_codec = 'LZ4'"
    for table in ("spans", "span_io", "ledger")
)

# To compress and merge the bodies takes a twelfth of the whole ingest less in LZ4, for an eighth more disk (ADR 0012).
_FAST_BODIES: Final = (
    "ALTER TABLE span_io ${cluster} MODIFY COLUMN request CODEC(LZ4), MODIFY COLUMN response CODEC(LZ4)"
)

# A score is corrected or taken back by its id alone.
_SCORES_BY_ID: Final = """
ALTER TABLE scores ${cluster} ADD INDEX IF NOT EXISTS by_id id TYPE bloom_filter(0.01) GRANULARITY 1"""

# Which spans came when, for projects that forward (`forward/arrivals.py`). Read by a place in time; nobody who delivers
# is that far behind when a row goes by its age.
_ARRIVALS: Final = f"""
CREATE TABLE IF NOT EXISTS arrivals ${{cluster}} (
    project LowCardinality(String),
    at_ns Int64 CODEC(Delta, LZ4),
    node LowCardinality(String),
    trace_id String,
    rooted UInt8,
    low_ns Int64,
    high_ns Int64,
    span_ids Array(String),
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ${{merge_tree}}
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(at_ns, 'UTC'))
ORDER BY (project, at_ns, node)
TTL toDateTime(intDiv(at_ns, 1000000000)) + INTERVAL 30 DAY
SETTINGS index_granularity = 1024, {_PARTS}, {_DURABLE}"""

# Of a score's rows the newest version holds, and questions find it by one number instead of by two texts: to merge
# three million rows (FINAL) takes a second of the processor, whatever little is asked for.
_SCORE_IDENTITY: Final = """
ALTER TABLE scores ${cluster}
ADD COLUMN IF NOT EXISTS identity UInt128 DEFAULT reinterpretAsUInt128(sipHash128(trace_id, id)) CODEC(LZ4)"""
_SCORES_BY_TIME: Final = """
ALTER TABLE scores ${cluster} ADD INDEX IF NOT EXISTS by_time at_ns TYPE minmax GRANULARITY 1"""
# Rows from before are right without these, which the engine does by and by, but slower to ask.
_SCORE_IDENTITY_FILL: Final = "ALTER TABLE scores ${cluster} MATERIALIZE COLUMN identity"
_SCORES_BY_TIME_FILL: Final = "ALTER TABLE scores ${cluster} MATERIALIZE INDEX by_time"

# Which arm of a rollout answered.
_VARIANT: Final = "ALTER TABLE spans ${cluster} ADD COLUMN IF NOT EXISTS variant LowCardinality(String)"

# Of what class the data of a call was, by the list of its project.
_DATA_CLASS: Final = "ALTER TABLE spans ${cluster} ADD COLUMN IF NOT EXISTS data_class LowCardinality(String)"

# What guards decided about a call, each as NAME|STAGE|ACTION|MODE.
_GUARDS: Final = "ALTER TABLE spans ${cluster} ADD COLUMN IF NOT EXISTS guards Array(LowCardinality(String))"

# In which tier of its provider an attempt was worked on, and which was asked for.
_TIERS: Final = """
ALTER TABLE ledger ${cluster}
ADD COLUMN IF NOT EXISTS tier LowCardinality(String), ADD COLUMN IF NOT EXISTS tier_asked LowCardinality(String)"""

# How many of an attempt's tokens are of pictures, which some models price apart.
_IMAGE_TOKENS: Final = """
ALTER TABLE ledger ${cluster}
ADD COLUMN IF NOT EXISTS image_input_tokens UInt64 CODEC(T64, ZSTD(1)),
ADD COLUMN IF NOT EXISTS image_output_tokens UInt64 CODEC(T64, ZSTD(1))"""

# What is charged beside tokens, and what the provider said that it took, beside our own sum.
_CHARGES: Final = """
ALTER TABLE ledger ${cluster}
ADD COLUMN IF NOT EXISTS cache_audio_tokens UInt64 CODEC(T64, ZSTD(1)),
ADD COLUMN IF NOT EXISTS cache_image_tokens UInt64 CODEC(T64, ZSTD(1)),
ADD COLUMN IF NOT EXISTS searches UInt32 CODEC(T64, ZSTD(1)),
ADD COLUMN IF NOT EXISTS file_searches UInt32 CODEC(T64, ZSTD(1)),
ADD COLUMN IF NOT EXISTS cost_told Nullable(Int64) CODEC(ZSTD(1)),
ADD COLUMN IF NOT EXISTS cost_counted Nullable(Int64) CODEC(ZSTD(1))"""

# In which tier of its provider the call of a span was worked on.
_SPAN_TIER: Final = "ALTER TABLE spans ${cluster} ADD COLUMN IF NOT EXISTS tier LowCardinality(String)"

# What came of foreign spans is inserted in a third less CPU, and merged in less, for 0.2 KB more of each span on disk.
_FAST_RAW: Final = """
ALTER TABLE span_raw ${cluster} MODIFY COLUMN raw CODEC(LZ4), MODIFY COLUMN trace_id CODEC(LZ4),
MODIFY COLUMN span_id CODEC(LZ4), MODIFY COLUMN start_ns CODEC(Delta, LZ4),
MODIFY COLUMN arrived_ns CODEC(Delta, LZ4)"""
_FAST_TEXT_IDS: Final = """
ALTER TABLE span_io ${cluster} MODIFY COLUMN trace_id CODEC(LZ4), MODIFY COLUMN span_id CODEC(LZ4),
MODIFY COLUMN start_ns CODEC(Delta, LZ4)"""

# Of spans that are no entries nobody reads it: they are shown with their traces. It took nearly half of an insert into
# this table, and half of its disk.
_SHOWN_OF_ENTRIES: Final = f"""
ALTER TABLE spans ${{cluster}} MODIFY COLUMN shown String DEFAULT if(entry = 1, {shown.OF_ANY}, '')"""

# Which server a foreign span came to, where several write to one store; empty where one is alone.
_RAW_NODE: Final = "ALTER TABLE span_raw ${cluster} ADD COLUMN IF NOT EXISTS node LowCardinality(String)"

# Traces that a server has yet to make anew, told to the others (`shared_notes.py`): ``due_ms`` is 0 where that is done.
# All versions of a row go by the same age, or an older one would hold again.
_REMAKES: Final = f"""
CREATE TABLE IF NOT EXISTS remakes ${{cluster}} (
    project LowCardinality(String),
    trace_id String,
    node LowCardinality(String),
    due_ms Int64,
    in_hand UInt8,
    at_ns Int64 DEFAULT toUnixTimestamp64Nano(now64(9)) CODEC(Delta, LZ4),
    version UInt64
) ENGINE = ${{replacing}}
ORDER BY (project, trace_id, node)
TTL toDateTime(intDiv(at_ns, 1000000000)) + INTERVAL 1 DAY
SETTINGS index_granularity = 256, {_PARTS}, {_DURABLE}"""

MIGRATIONS: Final[tuple[tuple[int, tuple[str, ...]], ...]] = (
    (1, (_SPANS, _SPAN_IO, _LEDGER)),
    (2, (_LEDGER_DROP, _LEDGER_2, _LEDGER_FILL)),
    (3, (_SPANS_SHOWN, _FAST_TEXT)),
    (4, (_SCORES,)),
    (5, (_TOOL_CALLS,)),
    (6, (_SPAN_RAW,)),
    (7, _FAST_DEFAULT),
    (8, (_FAST_BODIES,)),
    (9, (_SCORES_BY_ID,)),
    (10, (_ARRIVALS,)),
    (11, (_SCORE_IDENTITY, _SCORES_BY_TIME, _SCORE_IDENTITY_FILL, _SCORES_BY_TIME_FILL)),
    (12, (_VARIANT,)),
    (13, (_FAST_RAW, _FAST_TEXT_IDS)),
    (14, (_DATA_CLASS,)),
    (15, (_GUARDS,)),
    (16, (_TIERS,)),
    (17, (_IMAGE_TOKENS,)),
    (18, (_CHARGES, _SPAN_TIER)),
    (19, (_SHOWN_OF_ENTRIES,)),
    (20, (_RAW_NODE, _REMAKES)),
)


def migrate(
    run: Callable[[str, Mapping[str, str]], bytes], topology: Topology, at_once: Callable[[int], bool] | None = None
) -> int:
    """Apply what is missing, in order, with ``run(sql, params)``; returns the version reached. Where all is missing,
    ``at_once`` may make the newest version, and says whether it did."""
    # What is there is not made again: on a cluster that would ask every host, at each start of each server.
    if not topology.cluster or msgspec.json.decode(run("EXISTS TABLE schema_versions", {})) != [1]:
        run(topology.versions(), {})
    lines = msgspec.json.decode(run("SELECT ifNull(max(version), 0) FROM schema_versions", {}), type=list[int])
    version, newest = lines[0], MIGRATIONS[-1][0]
    if version == 0 and at_once is not None and at_once(newest):
        return newest
    for number, statements in MIGRATIONS:
        if number > version:
            for statement in statements:
                for filled in topology.statements(statement):
                    run(filled, {})
            run("INSERT INTO schema_versions (version) SELECT {version:UInt32}", bind({"version": number}))
            version = number
    return version
