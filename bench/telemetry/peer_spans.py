"""Spans that all of `peers.py` are sent, byte for byte the same: traces of an agent, two model calls and two tools.

Attributes are OpenInference's with GenAI's beside them where both name a thing in one value; about 2 KB go into a model
call and 1 KB comes out. As OpenInference's own emitters do, a text is there twice: as a message and in ``input.value``.
"""

import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

sys.path.insert(0, str(Path(__file__).parent))

from material import MODELS, Material

SPANS_PER_TRACE = 5
Values = dict[str, str | int | float]


@dataclass(frozen=True)
class Batch:
    """One request's body, how many spans it has, and its traces (hex)."""

    body: bytes
    spans: int
    traces: tuple[str, ...]


@dataclass(frozen=True)
class Load:
    """What is sent. ``rare`` are words that few texts have; times are those of the first and the last start."""

    batches: list[Batch]
    spans: int
    first_ns: int
    last_ns: int
    common: list[str]
    rare: list[str]


def make(spans: int, batch: int, end_ns: int, seed: int = 7, share: float = 1.0) -> Load:
    """``spans`` in requests of ``batch`` (both multiples of five), a trace a millisecond until ``end_ns``. ``share`` of
    the length that texts have otherwise."""
    source = _Source(seed, share)
    start = first = end_ns - spans // SPANS_PER_TRACE * 1_000_000
    batches: list[Batch] = []
    for at in range(0, spans, batch):
        count = min(batch, spans - at)
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        _set(group.resource, {"service.name": "bench", "deployment.environment.name": "production"})
        scope = group.scope_spans.add()
        scope.scope.name = "bench"
        traces: list[str] = []
        for _ in range(count // SPANS_PER_TRACE):
            traces.append(source.trace(scope, start))
            start += 1_000_000
        batches.append(Batch(request.SerializeToString(), count, tuple(traces)))
    words = source.material.words
    return Load(batches, spans, first, start, words[20:400], words[5_000:20_000])


class _Source:
    """Everything random comes from one seed."""

    def __init__(self, seed: int, share: float) -> None:
        self.material = Material(seed)
        self._share = share
        self._random = random.Random(seed)

    def trace(self, scope: Any, start_ns: int) -> str:
        rnd = self._random
        trace_id, root = rnd.randbytes(16), rnd.randbytes(8)
        asked = self._text(2_000)
        for number, make_values in enumerate((self._agent, self._model, self._tool, self._model, self._tool)):
            begun = start_ns + number * 100_000
            span = scope.spans.add(
                trace_id=trace_id,
                span_id=root if number == 0 else rnd.randbytes(8),
                parent_span_id=b"" if number == 0 else root,
                name=("agent", "chat", "lookup", "chat", "lookup")[number],
                kind=1,
                start_time_unix_nano=begun,
                end_time_unix_nano=begun + int(rnd.lognormvariate(6.5, 0.6) * 1e6),
            )
            span.status.code = 1
            _set(span, make_values(asked))
        return trace_id.hex()

    def _text(self, size: int) -> str:
        return self.material.text(round(size * self._share))

    def _agent(self, asked: str) -> Values:
        rnd = self._random
        return {
            "openinference.span.kind": "AGENT",
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "support",
            "session.id": f"session-{rnd.randint(1, 50_000)}",
            "user.id": f"user-{rnd.randint(1, 5_000)}",
            "input.value": asked[:200],
            "output.value": self._text(200),
        }

    def _model(self, asked: str) -> Values:
        rnd = self._random
        system, user, said = "You are a helpful assistant.", asked, self._text(1_000)
        model, used, made = rnd.choice(MODELS), rnd.randint(300, 900), rnd.randint(50, 400)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return {
            "openinference.span.kind": "LLM",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "gen_ai.response.id": f"chatcmpl-{rnd.getrandbits(60):x}",
            "gen_ai.usage.input_tokens": used,
            "gen_ai.usage.output_tokens": made,
            "llm.model_name": model,
            "llm.provider": "openai",
            "llm.invocation_parameters": '{"temperature": 0.2}',
            "llm.token_count.prompt": used,
            "llm.token_count.completion": made,
            "llm.token_count.total": used + made,
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": system,
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.content": user,
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": said,
            "input.value": json.dumps({"model": model, "messages": messages}),
            "input.mime_type": "application/json",
            "output.value": said,
        }

    def _tool(self, _: str) -> Values:
        arguments = json.dumps({"order": self._random.getrandbits(30)})
        return {
            "openinference.span.kind": "TOOL",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "lookup",
            "tool.name": "lookup",
            "input.value": arguments,
            "input.mime_type": "application/json",
            "output.value": self._text(200),
        }


def _set(holder: Any, values: Values) -> None:
    for key, value in values.items():
        pair = holder.attributes.add(key=key)
        if isinstance(value, str):
            pair.value.string_value = value
        elif isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.double_value = value
