"""What scorers reach in this server: models by the live path, and the local embedder."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from trimtab.llm.embedder import Embedder
from trimtab.scoring.types import Answered, Asked, Tools
from trimtab.server.inner_calls import JUDGING, NOBODY, InnerCaller, InnerCalls

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
        scorer), the n-th question to it is asked and paid once even where it is asked again after a crash. ``paid`` is
        told each question's cost in picodollars, null where that is unknown."""
        caller = InnerCaller(
            project_id=project_id,
            feature=JUDGING,
            key_id=key_id,
            tags=("judge", *tags),
            metadata=metadata or {},
        )
        asked_so_far: list[Asked] = []

        async def ask(asked: Asked) -> Answered:
            asked_so_far.append(asked)
            key = f"{idempotency}:{len(asked_so_far)}" if idempotency else ""
            answer = await self._calls.call(
                replace(caller, metadata={**caller.metadata, "judge_model": asked.model}),
                body_of(asked),
                idempotency_key=key,
                deadline_s=DEADLINE_S,
            )
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


def body_of(asked: Asked) -> dict[str, Any]:
    """An OpenAI chat completion request. A schema is asked for as a structured output; a provider that has none is told
    by the judge's prompt as well."""
    body: dict[str, Any] = {"model": asked.model, "messages": list(asked.messages), "max_tokens": asked.max_tokens}
    if asked.temperature is not None:
        body["temperature"] = asked.temperature
    if asked.schema is not None:
        schema = {"name": "verdict", "schema": asked.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body
