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


PIECE = 256
"""Characters of text in one event of an unfolded answer."""


def unfold(response: Response) -> list[Delta]:
    """A stream that folds to the same answer: for one that was made whole and is asked for as a stream."""
    deltas: list[Delta] = [
        Start(id=response.id, model=response.model, created=response.created, usage=response.usage),
    ]
    for index, part in enumerate(response.parts):
        deltas += _unfolded(index, part)
        deltas.append(BlockClose(index=index))
    deltas.append(Finish(stop=response.stop, stop_raw=response.stop_raw, usage=response.usage))
    return deltas


def _unfolded(index: int, part: Part) -> list[Delta]:
    match part:
        case Text() | Refusal():
            kind = "text" if isinstance(part, Text) else "refusal"
            return [BlockOpen(index=index, kind=kind), *_grown(index, part.text)]
        case ToolCall():
            opened = BlockOpen(index=index, kind="tool_call", id=part.id, name=part.name)
            return [opened, *_grown(index, part.arguments)]
        case Reasoning():
            opened = BlockOpen(index=index, kind="reasoning", redacted=part.redacted)
            signed = [] if part.signature is None else [BlockGrow(index=index, signature=part.signature)]
            return [opened, *_grown(index, part.text), *signed]
        case Opaque():
            return [BlockOpen(index=index, kind="opaque", dialect=part.dialect, raw=part.raw)]
        case _:
            raise UpstreamFailure(
                f"An answer cannot hold a part of type {type(part).__name__}.", code="upstream_garbage"
            )


def _grown(index: int, text: str) -> list[BlockGrow]:
    return [BlockGrow(index=index, text=text[at : at + PIECE]) for at in range(0, len(text), PIECE)]
