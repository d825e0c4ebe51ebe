"""The Model Context Protocol: ``mcp.*``, on a client's and on a server's side of a call.

Names: open-telemetry/semantic-conventions-genai, docs/registry/attributes/mcp.md; modelcontextprotocol/python-sdk (2.3,
src/mcp/{shared,server}/_otel.py); traceloop/openllmetry (``mcp.request.argument``, ``mcp.response.value``). A call of a
tool is a tool whoever tells it; the rest of the protocol are spans.
"""

from typing import Final

from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import Found, entries, label, put, put_content, put_labels
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "mcp"
VERSION: Final = 1

_LABELS: Final = (
    ("operation", "mcp.method.name"),
    ("tool_name", "gen_ai.tool.name"),
    ("tool_name", "mcp.tool.name"),
    ("session", "mcp.session.id"),
)
_METADATA: Final = (
    "mcp.method.name", "mcp.protocol.version", "mcp.resource.uri", "mcp.session.id", "mcp.request.id",
    "jsonrpc.request.id", "rpc.response.status_code",
)  # fmt: skip
_CALL: Final = "tools/call"


def kind(span: ForeignSpan) -> SpanKind | None:
    return "tool" if span.attributes.get("mcp.method.name") == _CALL else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    if found.get("kind") == "tool" and span.name.startswith(f"{_CALL} "):
        put(found, "tool_name", label(span.name.removeprefix(f"{_CALL} ")))
    put_content(found, "input", attributes.get("mcp.request.argument"))
    put_content(found, "output", attributes.get("mcp.response.value"))
    put(found, "metadata", entries((name, attributes[name]) for name in _METADATA if name in attributes))


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"mcp"}), scopes=("mcp-python-sdk",), own=85, column=85, kinds=38,
    kind=kind, read=read,
)  # fmt: skip
