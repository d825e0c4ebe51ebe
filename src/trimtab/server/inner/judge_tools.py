"""What scorers reach in this server: models by the live path, and the local embedder."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from trimtab.llm.embedder import Embedder
from trimtab.scoring.types import Answered, Asked, Tools
from trimtab.server.inner.calls import JUDGING, NOBODY, InnerCaller, InnerCalls

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DEADLINE_S: Final = 120.0
"""A judge that has not answered by then is away."""


class JudgeTools:
    """Makes `Tools` bound to one project and one asker. A judge's question is a call as any other: it stands in the
    ledger and the project's limits hold for it; its feature is ``trimtab.judge``."""

    def __init__(self, calls: InnerCalls, embedder: Embedder) -> None:
        self._calls = calls
        self._embedder = embedder

    def bound(
        self,
        project_id: str,
        *,
        key_id: str = NOBODY,
        tags: tuple[str, ...] = (),
        metadata: dict[str, str] | None = None,
        idempotency: str = "",
        paid: Callable[[int | None], None] | None = None,
    ) -> Tools:
        """``metadata`` says on the judge's trace what it judges. With ``idempotency`` (unlike for any other sample and
        scorer), the same question is asked and paid once even where it is asked again after a crash. ``paid`` is told
        each question's cost in picodollars, null where that is unknown."""
        caller = InnerCaller(
            project_id=project_id,
            feature=JUDGING,
            key_id=key_id,
            tags=("judge", *tags),
            metadata=metadata or {},
        )
        times: Counter[bytes] = Counter()

        async def ask(asked: Asked) -> Answered:
            body = body_of(asked)
            about = replace(caller, metadata={**caller.metadata, "judge_model": asked.model})
            key = _key(idempotency, body, times) if idempotency else ""
            answer = await self._calls.call(about, body, idempotency_key=key, deadline_s=DEADLINE_S)
            if paid is not None:
                paid(answer.cost)
            answer = answer.raised()
            return Answered(text=answer.text, cost=answer.cost, trace_id=answer.trace_id)

        return Tools(ask=ask, embed=self._embed)

    async def _embed(self, texts: Sequence[str], /) -> "npt.NDArray[np.float32]":
        import numpy

        if not texts:
            return numpy.zeros((0, 0), dtype=numpy.float32)
        return numpy.stack(await self._embedder.embed(texts))


def _key(idempotency: str, body: dict[str, Any], times: "Counter[bytes]") -> str:
    """Of a question by what it says, not by its turn: questions of a panel end in any order, and so do their second
    rounds. A question that is put twice on purpose is two."""
    said = hashlib.sha256(msgspec.json.encode(body)).digest()
    times[said] += 1
    whole = b"\0".join((idempotency.encode(), said, str(times[said]).encode()))
    return f"judge-{hashlib.sha256(whole).hexdigest()}"


def body_of(asked: Asked) -> dict[str, Any]:
    """An OpenAI chat completion request. A schema is asked for as a structured output; a provider that has none is told
    by the judge's prompt as well. The bound goes by its newer name: reasoning models refuse the older, and for
    providers that know only that one it is renamed on the way."""
    body: dict[str, Any] = {
        "model": asked.model,
        "messages": list(asked.messages),
        "max_completion_tokens": asked.max_tokens,
    }
    if asked.temperature is not None:
        body["temperature"] = asked.temperature
    if asked.schema is not None:
        schema = {"name": "verdict", "schema": asked.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body
