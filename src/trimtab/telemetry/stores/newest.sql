-- version 20
CREATE TABLE IF NOT EXISTS arrivals
(
    `project` LowCardinality(String),
    `at_ns` Int64 CODEC(Delta(8), LZ4),
    `node` LowCardinality(String),
    `trace_id` String,
    `rooted` UInt8,
    `low_ns` Int64,
    `high_ns` Int64,
    `span_ids` Array(String),
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(at_ns, 'UTC'))
ORDER BY (project, at_ns, node)
TTL toDateTime(intDiv(at_ns, 1000000000)) + toIntervalDay(30)
SETTINGS index_granularity = 1024, min_bytes_for_wide_part = 67108864, merge_selector_base = 10, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS ledger
(
    `project` LowCardinality(String),
    `at_ns` Int64 CODEC(Delta(8), ZSTD(1)),
    `request_id` String CODEC(ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `attempt` UInt16,
    `final` UInt8,
    `outcome` LowCardinality(String),
    `provider` LowCardinality(String),
    `provider_kind` LowCardinality(String),
    `model` LowCardinality(String),
    `model_used` LowCardinality(String),
    `model_name` LowCardinality(String),
    `asked` LowCardinality(String),
    `app` LowCardinality(String),
    `release` LowCardinality(String),
    `environment` LowCardinality(String),
    `feature` LowCardinality(String),
    `segment` LowCardinality(String),
    `session` String CODEC(ZSTD(1)),
    `user` String CODEC(ZSTD(1)),
    `key_id` LowCardinality(String),
    `tags` Array(LowCardinality(String)),
    `prompt` LowCardinality(String),
    `prompt_preview` LowCardinality(String),
    `fingerprint` UInt64 CODEC(ZSTD(1)),
    `response_id` String CODEC(ZSTD(1)),
    `duration_ns` Int64 CODEC(ZSTD(1)),
    `input_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_read_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_write_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `output_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `reasoning_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_write_1h_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `audio_input_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `audio_output_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `images` UInt32,
    `metered` UInt8,
    `tokens_estimated` UInt8,
    `currency` LowCardinality(String),
    `cost` Nullable(Int64) CODEC(ZSTD(1)),
    `cost_parts` Array(Int64) CODEC(ZSTD(1)),
    `price` LowCardinality(String),
    `booked_cost` Nullable(Int64) CODEC(ZSTD(1)),
    `booked_price` LowCardinality(String),
    `repricing` LowCardinality(String),
    `version` UInt64,
    `tier` LowCardinality(String),
    `tier_asked` LowCardinality(String),
    `image_input_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `image_output_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_audio_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_image_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `searches` UInt32 CODEC(T64, ZSTD(1)),
    `file_searches` UInt32 CODEC(T64, ZSTD(1)),
    `cost_told` Nullable(Int64) CODEC(ZSTD(1)),
    `cost_counted` Nullable(Int64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(at_ns, 'UTC'))
ORDER BY (project, at_ns, span_id)
SETTINGS min_bytes_for_wide_part = 67108864, merge_selector_base = 10, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, index_granularity = 8192, default_compression_codec = 'LZ4';

CREATE TABLE IF NOT EXISTS remakes
(
    `project` LowCardinality(String),
    `trace_id` String,
    `node` LowCardinality(String),
    `due_ms` Int64,
    `in_hand` UInt8,
    `at_ns` Int64 DEFAULT toUnixTimestamp64Nano(now64(9)) CODEC(Delta(8), LZ4),
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project, trace_id, node)
TTL toDateTime(intDiv(at_ns, 1000000000)) + toIntervalDay(1)
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 67108864, merge_selector_base = 10, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS scores
(
    `project` LowCardinality(String),
    `id` String CODEC(ZSTD(1)),
    `target` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `session` String CODEC(ZSTD(1)),
    `name` LowCardinality(String),
    `value` Nullable(Float64) CODEC(ZSTD(1)),
    `label` String CODEC(ZSTD(1)),
    `explanation` String CODEC(ZSTD(1)),
    `source` LowCardinality(String),
    `evaluator` LowCardinality(String),
    `evaluator_version` LowCardinality(String),
    `author` String CODEC(ZSTD(1)),
    `at_ns` Int64 CODEC(Delta(8), ZSTD(1)),
    `key` String CODEC(ZSTD(1)),
    `supersedes` String CODEC(ZSTD(1)),
    `valid` UInt8,
    `version` UInt64 CODEC(Delta(8), ZSTD(1)),
    `identity` UInt128 DEFAULT reinterpretAsUInt128(sipHash128(trace_id, id)) CODEC(LZ4),
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_time at_ns TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project, trace_id, id)
SETTINGS index_granularity = 1024, min_bytes_for_wide_part = 67108864, merge_selector_base = 10, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS span_io
(
    `project` LowCardinality(String),
    `trace_id` String CODEC(LZ4),
    `span_id` String CODEC(LZ4),
    `start_ns` Int64 CODEC(Delta(8), LZ4),
    `request_dialect` LowCardinality(String),
    `response_dialect` LowCardinality(String),
    `stream` UInt8,
    `request` String CODEC(LZ4),
    `response` String CODEC(LZ4),
    `request_blob` String CODEC(ZSTD(1)),
    `response_blob` String CODEC(ZSTD(1)),
    `note` String CODEC(ZSTD(1)),
    `text` String CODEC(LZ4),
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 8,
    INDEX words text TYPE text(tokenizer = 'splitByNonAlpha') GRANULARITY 100000000
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(start_ns, 'UTC'))
ORDER BY (project, start_ns, trace_id, span_id)
SETTINGS index_granularity = 32, min_compress_block_size = 16384, max_compress_block_size = 131072, min_bytes_for_wide_part = 67108864, merge_selector_base = 10, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, default_compression_codec = 'LZ4';

CREATE TABLE IF NOT EXISTS span_raw
(
    `project` LowCardinality(String),
    `trace_id` String CODEC(LZ4),
    `span_id` String CODEC(LZ4),
    `start_ns` Int64 CODEC(Delta(8), LZ4),
    `arrived_ns` Int64 CODEC(Delta(8), LZ4),
    `key_id` LowCardinality(String),
    `convention` LowCardinality(String),
    `mapper_version` UInt32,
    `digest` UInt64,
    `raw` String CODEC(LZ4),
    `node` LowCardinality(String),
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(start_ns, 'UTC'))
ORDER BY (project, start_ns, trace_id, span_id)
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 67108864, merge_selector_base = 10, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS spans
(
    `project` LowCardinality(String),
    `trace_id` String,
    `span_id` String,
    `parent_span_id` String,
    `request_id` String,
    `entry` UInt8,
    `leaf` UInt8,
    `kind` LowCardinality(String),
    `name` LowCardinality(String),
    `status` LowCardinality(String),
    `start_ns` Int64 CODEC(Delta(8), LZ4),
    `duration_ns` Int64,
    `ttft_ns` Nullable(Int64),
    `model` LowCardinality(String),
    `model_used` LowCardinality(String),
    `provider` LowCardinality(String),
    `provider_kind` LowCardinality(String),
    `tried` Array(LowCardinality(String)),
    `app` LowCardinality(String),
    `release` LowCardinality(String),
    `environment` LowCardinality(String),
    `feature` LowCardinality(String),
    `session` String,
    `user` String,
    `key_id` LowCardinality(String),
    `tags` Array(LowCardinality(String)),
    `metadata` Map(LowCardinality(String), String),
    `stream` UInt8,
    `stop` LowCardinality(String),
    `http_status` UInt16,
    `error_code` LowCardinality(String),
    `error_message` String,
    `error_source` LowCardinality(String),
    `input_tokens` UInt64 CODEC(T64, LZ4),
    `cache_read_tokens` UInt64 CODEC(T64, LZ4),
    `cache_write_tokens` UInt64 CODEC(T64, LZ4),
    `output_tokens` UInt64 CODEC(T64, LZ4),
    `reasoning_tokens` UInt64 CODEC(T64, LZ4),
    `tokens_estimated` UInt8,
    `cost` Nullable(Int64),
    `price` LowCardinality(String),
    `unpriced` UInt16,
    `attempts` UInt16,
    `fallbacks` UInt16,
    `captured` UInt8,
    `shared_io` UInt8,
    `input_preview` String,
    `output_preview` String,
    `decision` String,
    `response_id` String,
    `user_agent` LowCardinality(String),
    `shown` String DEFAULT if(entry = 1, toJSONString(tuple(trace_id, span_id, parent_span_id, request_id, kind, name, status, start_ns, duration_ns, ttft_ns, model, model_used, provider, app, release, environment, feature, session, user, key_id, tags, stream, stop, http_status, error_code, error_message, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, tokens_estimated, cost, price, attempts, fallbacks, input_preview, output_preview, entry, leaf, unpriced, metadata, decision)), ''),
    `variant` LowCardinality(String),
    `data_class` LowCardinality(String),
    `guards` Array(LowCardinality(String)),
    `tier` LowCardinality(String),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_request request_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_session session TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user user TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(start_ns, 'UTC'))
ORDER BY (project, entry, start_ns, span_id)
SETTINGS index_granularity = 256, min_compress_block_size = 8192, min_bytes_for_wide_part = 67108864, merge_selector_base = 10, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, default_compression_codec = 'LZ4';

CREATE TABLE IF NOT EXISTS tool_calls
(
    `project` LowCardinality(String),
    `at_ns` Int64 CODEC(Delta(8), ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `number` UInt16,
    `session` String CODEC(ZSTD(1)),
    `model` LowCardinality(String),
    `tool` LowCardinality(String),
    `call_id` String CODEC(ZSTD(1)),
    `arguments_hash` UInt64 CODEC(ZSTD(1)),
    `problem` LowCardinality(String),
    `detail` String CODEC(ZSTD(1)),
    `version` UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(at_ns, 'UTC'))
ORDER BY (project, at_ns, span_id, number)
SETTINGS min_bytes_for_wide_part = 67108864, merge_selector_base = 10, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, index_granularity = 8192
