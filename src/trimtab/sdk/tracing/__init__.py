"""Tracing for applications: `@trace`, `span`, `score`, on OpenTelemetry's SDK, which is imported with the first span.

What enters: an application's own functions. What leaves: spans over OTLP to the server's ``/v1/traces``, and scores
over its API, sent by a thread of their own (`sending.py`). Read `scope.py` and `decorate.py` first. Nothing here may
break the application: what cannot be kept is left out, what cannot be sent is counted.
"""

from trimtab.sdk.tracing.decorate import trace
from trimtab.sdk.tracing.process import configure
from trimtab.sdk.tracing.scope import (
    async_http_client,
    carry,
    current_trace,
    flush,
    gateway_headers,
    http_client,
    joined,
    labelled,
    score,
    span,
    stats,
    trace_env,
    trace_headers,
)

__all__ = [
    "async_http_client",
    "carry",
    "configure",
    "current_trace",
    "flush",
    "gateway_headers",
    "http_client",
    "joined",
    "labelled",
    "score",
    "span",
    "stats",
    "trace",
    "trace_env",
    "trace_headers",
]
