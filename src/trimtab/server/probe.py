"""A test call: one real, tiny call of a model through the live path, as the console's "Test" button makes it.

It is about the model that is named: an answer of one that it falls back to, or one that was kept, says nothing of it.
"""

import time

import msgspec

from trimtab.core.errors import TrimtabError
from trimtab.gateway.call import Call
from trimtab.gateway.pipeline import Gateway
from trimtab.governance.access import Principal, Project
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.types import Refusal, Text
from trimtab.server.bodies.common import TestResult

QUESTION = "Reply with one short greeting."
MAX_TOKENS = 64
FRONT = "openai_chat"


class Prober:
    """Makes test calls on one gateway. They cost what a call costs; the feature on their trace is ``trimtab.test``."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def call(self, project: Project, model: str, principal: Principal) -> TestResult:
        front = DIALECTS.get(FRONT)
        question = {"model": model, "max_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": QUESTION}]}
        headers = {b"trimtab-feature": b"trimtab.test", b"cache-control": b"no-store"}
        exchange = LocalExchange(msgspec.json.encode(question), headers)
        made: list[Call] = []

        async def prepare(call: Call) -> None:
            made.append(call)

        began = time.perf_counter()
        await self._gateway.chat(exchange, front, admitted=(principal, project), prepare=prepare)
        latency = (time.perf_counter() - began) * 1000
        trace_id = exchange.answer_header(b"trimtab-trace-id")
        if exchange.status != 200:
            error = msgspec.json.decode(exchange.answer, type=_Refused).error
            return TestResult(
                ok=False, trace_id=trace_id, latency=latency, model_used="", text="",
                error_code=error.code or error.type, error=error.message,
            )  # fmt: skip
        try:
            answer = front.parse_response(exchange.answer)
        except TrimtabError as broken:
            return TestResult(
                ok=False, trace_id=trace_id, latency=latency, model_used="", text="",
                error_code=broken.code, error=broken.sentence(),
            )  # fmt: skip
        text = "".join(part.text for part in answer.parts if isinstance(part, Text | Refusal))
        instead = "" if not made else _instead(made[0], model)
        return TestResult(
            ok=not instead, trace_id=trace_id, latency=latency, model_used=answer.model, text=text,
            error_code="fallback_answered" if instead else "", error=instead,
        )  # fmt: skip


def _instead(call: Call, model: str) -> str:
    """Who answered for the model, and why it did not itself; empty where it did."""
    if not call.attempts or call.attempts[-1].name == model:
        return ""
    own = next((one.fault for one in call.attempts if one.name == model and one.fault is not None), None)
    why = own.message if own is not None else ""
    why = why or next((line.reason for line in call.decision if line.model == model and line.reason), "")
    said = f"{model} did not answer; {call.attempts[-1].name}, which it falls back to, did."
    return f"{said} Of {model}: {why}" if why else said


class _Error(msgspec.Struct):
    message: str
    type: str = ""
    code: str | None = None


class _Refused(msgspec.Struct):
    error: _Error


class LocalExchange:
    """An `Exchange` without a socket: for calls that this process makes of itself."""

    def __init__(self, body: bytes, headers: dict[bytes, bytes]) -> None:
        self.body = body
        self.disconnected = False
        self.started = False
        self.status = 0
        self.content_type = b""
        self.answer = b""
        self._headers = headers
        self._answer_headers = b""

    @property
    def quiet(self) -> bool:
        return False

    def header(self, name: bytes) -> bytes | None:
        return self._headers.get(name)

    def answer_header(self, name: bytes) -> str:
        for line in self._answer_headers.split(b"\r\n"):
            key, _, value = line.partition(b": ")
            if key == name:
                return value.decode("latin-1")
        return ""

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        self.started, self.content_type = True, content_type
        self.status, self.answer, self._answer_headers = status, body, headers

    def start(self, status: int, headers: bytes, content_type: bytes = b"text/event-stream; charset=utf-8") -> None:
        self.started, self.content_type = True, content_type
        self.status, self._answer_headers = status, headers

    def write(self, data: bytes) -> None:
        self.answer += data

    def finish(self, data: bytes = b"") -> None:
        self.answer += data

    def is_congested(self) -> bool:
        return False

    async def drain(self) -> None:
        return
