"""What a person sees of a span, as one JSON array that the engine makes from the columns of ``spans``.

A page of 50 entries lies in as many granules, and to read one column there instead of forty takes half the time
(`docs/benchmarks.md`): so entries have the array in a column of its own, ``shown``. The other spans of a trace are read
with it alone, mostly from one or two granules; of these the engine makes it when somebody looks.
"""

from typing import Final

COLUMNS: Final = (
    "trace_id, span_id, parent_span_id, request_id, kind, name, status, start_ns, duration_ns, ttft_ns, model, "
    "model_used, provider, app, release, environment, feature, session, user, key_id, tags, stream, stop, http_status, "
    "error_code, error_message, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, "
    "tokens_estimated, cost, price, attempts, fallbacks, input_preview, output_preview, entry, leaf, unpriced, "
    "metadata, decision"
)
"""In the order of the array (`answers.SpanLine`). New ones go to the end, with a migration of ``shown``."""
OF_ENTRIES: Final = "shown"
"""For questions about entries alone."""
OF_ANY: Final = f"toJSONString(tuple({COLUMNS}))"
"""For questions about whole traces."""
