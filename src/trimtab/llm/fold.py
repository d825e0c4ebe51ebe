"""A whole answer is the fold of its stream: so there is one response path and one place to add up blocks."""

from collections.abc import Iterable

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.types import (
    BlockClose,
    BlockGrow,
    BlockOpen,
    Delta,
    Failed,
    Finish,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Response,
    Start,
    Text,
    ToolCall,
)


class _Block:
    """One block while it grows."""

    __slots__ = ("opened", "signature", "text")

    def __init__(self, opened: BlockOpen) -> None:
        self.opened = opened
        self.text: list[str] = []
        self.signature: str | None = None

    def part(self) -> Part:
        text = "".join(self.text)
        opened = self.opened
        match opened.kind:
            case "text":
                return Text(text)
            case "refusal":
                return Refusal(text)
            case "tool_call":
                return ToolCall(opened.id, opened.name, text)
            case "reasoning":
                return Reasoning(text=text, signature=self.signature, redacted=opened.redacted)
            case "opaque":
                return Opaque(opened.dialect, opened.raw)


class Fold:
    """Takes deltas one by one; `response` at any time gives the answer as far as it has come."""

    def __init__(self) -> None:
        self._start = Start(id="", model="")
        self._finish: Finish | None = None
        self._blocks: dict[int, _Block] = {}
        self.failed: Failed | None = None

    def feed(self, delta: Delta) -> None:
        match delta:
            case BlockGrow():
                block = self._blocks.get(delta.index)
                if block is None:
                    raise UpstreamFailure(
                        f"The stream adds to block {delta.index}, which it never opened.", code="upstream_garbage"
                    )
                block.text.append(delta.text)
                block.signature = delta.signature if delta.signature is not None else block.signature
            case BlockOpen():
                self._blocks[delta.index] = _Block(delta)
            case Start():
                self._start = delta
            case Finish():
                self._finish = delta
            case Failed():
                self.failed = delta
            case BlockClose():
                pass

    def response(self) -> Response:
        """The answer so far, blocks in the order of their indices; a cut one stops with ``error`` or ``unknown``."""
        start, finish = self._start, self._finish
        cut = "error" if self.failed else "unknown"
        return Response(
            id=start.id,
            model=start.model,
            created=start.created,
            parts=tuple(self._blocks[index].part() for index in sorted(self._blocks)),
            stop=finish.stop if finish else cut,
            stop_raw=finish.stop_raw if finish else None,
            usage=finish.usage if finish and finish.usage else start.usage,
        )


def fold(deltas: Iterable[Delta]) -> Response:
    """The whole answer a stream amounts to. Of a broken stream, what had come: ``stop`` is ``error`` or ``unknown``."""
    whole = Fold()
    for delta in deltas:
        whole.feed(delta)
    return whole.response()
