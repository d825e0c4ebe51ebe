"""An answer that streams, on its way through guards: the client's events read, held back, and written again.

What a client gets is written anew from the canonical events, in its own dialect: whatever guards did not see (fields we
do not know, log probabilities) does not pass by them. Where guards only flag or are in shadow mode, and nothing is to
be put back, the bytes pass as they are and are looked at when the answer is whole.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import UpstreamFailure
from trimtab.gateway.call import Call
from trimtab.gateway.guard_errors import ANSWERED
from trimtab.gateway.guard_texts import answer_pieces, answer_unread, answer_with, restored
from trimtab.gateway.guarded import Guards
from trimtab.gateway.rewritten import Guarded
from trimtab.gateway.tried import Try
from trimtab.guard.run import broken_at, missed
from trimtab.guard.spec import Chain, Ready
from trimtab.guard.standing_in import Restoring, StandIns
from trimtab.guard.stream import HoldBack, Share, summed, whole_only, windowed
from trimtab.guard.types import STAGES, Piece, Stage, Subject, Verdict
from trimtab.llm.fold import Fold, fold, unfold
from trimtab.llm.types import (
    BlockClose,
    BlockGrow,
    BlockOpen,
    Delta,
    Failed,
    Finish,
    Opaque,
    Response,
    Text,
)

SPOKEN: Final = ("text", "refusal", "reasoning")
WORDS: Final = ("text", "refusal")
"""Blocks of these are one text, as where an answer comes whole."""


class Block:
    """One block of the answer under way. ``given``: its opening has left; ``closed``: its end, too. ``hold`` is its
    own, or that of all words. A tool call whose arguments are to be looked at is ``gathered`` first."""

    __slots__ = ("calls", "closed", "gathered", "given", "hold", "opened", "restorer", "signature", "spoke")

    def __init__(self, opened: BlockOpen, hold: HoldBack, restorer: Restoring | None, *, gathered: bool) -> None:
        self.opened = opened
        self.hold = hold
        self.restorer = restorer
        self.gathered = gathered
        self.calls: list[str] = []
        self.given = False
        self.closed = False
        self.signature: str | None = None
        self.spoke = False


class Waiting(Struct, frozen=True):
    """What waits in its place: for what is still held of that block (``rest``), or an event behind such a place, with
    what is ``shown`` of it where that is another."""

    rest: int = -1
    event: Delta | None = None
    shown: Delta | None = None


NOTHING: Final = BlockGrow(index=-1)
"""Shown in place of what waits for its end (`Restoring`)."""


class AnswerGuard:
    """`feed` takes whole events in the client's dialect, as the relay gives them, and returns what may leave; `end`
    what is owed when the answer is whole. After ``stopped`` everything owed has been returned: nothing more is to be
    read. Raises `UpstreamFailure` for an answer that its own dialect cannot read."""

    def __init__(self, guards: Guards, call: Call) -> None:
        self._guards = guards
        self._call = call
        self._decoder = call.front.stream_decoder()
        self._encoder = call.front.stream_encoder(call.head)
        chain = guards.chain
        self._acting = windowed(chain.at("output"))
        self._on_tools = any(each.acts for each in chain.at("tool_arguments"))
        self._all = bool(whole_only(chain.at("output"))) or bool(chain.broken)
        self._readers = tuple(each for each in chain.at("output") if each.enforced and each.spec.unread == "block")
        """Those that let nothing pass which they cannot read."""
        self.passes = not (self._acting or self._on_tools or self._all or self._readers or guards.originals)
        """Nothing can be changed, so the bytes may pass as they are."""
        self._known = StandIns(guards.originals) if guards.originals else None
        self._read = Fold()
        self._given = Fold()
        self._blocks: dict[int, Block] = {}
        self._words = self._hold(self._acting)
        self._queue: deque[Waiting] = deque()
        self._waiting: list[Delta] = []
        self._changed = False
        self.stopped: Verdict | None = None
        self.failed: str | None = None
        self._ended = False
        self._through = False
        """All of it went through the guards."""
        self._gathered = False

    async def feed(self, block: bytes) -> bytes:
        if self.stopped is not None:
            return b""
        deltas = self._decoder.feed(block)
        if self.passes:
            for delta in deltas:
                self._read.feed(delta)
            if any(isinstance(each, Finish) for each in deltas):
                await self._judge_whole()
            return block
        return await self._take(deltas)

    async def end(self) -> bytes:
        """The answer is whole, or broke off."""
        if self.stopped is not None or self._ended:
            return b""
        deltas = self._decoder.close()
        if self.passes:
            for delta in deltas:
                self._read.feed(delta)
            await self._judge_whole()
            return b""
        return await self._take([each for each in deltas if not isinstance(each, Failed)])

    def note(self, attempt: Try) -> None:
        """Tell the record what was given, where that is not what the provider wrote."""
        self._guards.looked.add(attempt.span_id)
        for hold in self._holds():
            self._guards.held = max(self._guards.held, hold.held)
        broken_off = not (self.passes or self._through)
        if broken_off:
            self._gather()
        if not (self._changed or self.stopped is not None or broken_off):
            return  # of one that broke off that is kept which was given: guards have not looked at the rest
        given = self._given.response()
        encoder = self._call.front.stream_encoder(self._call.head)
        body = b"".join(map(encoder.feed, unfold(given)))
        attempt.guarded = Guarded(body=body, dialect=self._call.front.name, stop=given.stop)

    # --- inside ---

    async def _take(self, deltas: list[Delta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            self._read.feed(delta)
            out += map(self._encoder.feed, await self._one(delta))
            if self.stopped is not None:
                break
        return b"".join(out)

    async def _one(self, delta: Delta) -> list[Delta]:
        """What may leave for one event."""
        if isinstance(delta, Failed):
            self.failed = delta.message
            return []
        if isinstance(delta, Finish):
            return await self._finish(delta)
        if self._all:
            self._waiting.append(delta)
            return []
        match delta:
            case BlockOpen() if self._readers and (by := await self._unreadable(delta)) is not None:
                return await self._stop(by)
            case BlockOpen():
                return self._open(delta)
            case BlockGrow():
                return await self._grow(delta)
            case BlockClose():
                return await self._close(delta)
            case _:
                return self._give([delta])

    async def _unreadable(self, delta: BlockOpen) -> Verdict | None:
        """The verdict that stops a picture or a sound, if one does."""
        if delta.kind != "opaque" or not (found := answer_unread([Opaque(delta.dialect, delta.raw)])):
            return None
        chain = Chain(guards=self._readers[:1], hash="")
        subject = replace(self._guards.of_answer(), unread=found)
        ran = await self._guards.runner.run(chain, subject, self._guards.tools, "output")
        self._guards.verdicts += ran.verdicts
        return ran.stopped

    def _open(self, delta: BlockOpen) -> list[Delta]:
        words = delta.kind in WORDS
        hold = self._words if words else self._hold(self._acting if delta.kind in SPOKEN else ())
        gathered = delta.kind == "tool_call" and (self._on_tools or bool(self._guards.originals))
        block = self._blocks[delta.index] = Block(delta, hold, self._restoring(), gathered=gathered)
        if block.gathered:
            return []  # it opens when its arguments have been looked at
        made = self._give([delta])
        if words and self._queue:
            self._queue.append(Waiting(rest=delta.index))
        return made

    def _hold(self, guards: Sequence[Ready]) -> HoldBack:
        return HoldBack(self._guards.runner, guards, self._guards.of_answer(), self._guards.tools, "output")

    async def _grow(self, delta: BlockGrow) -> list[Delta]:
        block = self._blocks.get(delta.index)
        if block is None:
            raise UpstreamFailure("The stream adds to a block that it never opened.", code="upstream_garbage")
        if block.opened.kind == "tool_call":
            if not block.gathered:
                return self._give([delta])
            block.calls.append(delta.text)
            return []
        if delta.signature is not None:
            block.signature = delta.signature
        shares = await block.hold.grow(delta.text, delta.index)
        if block.hold.stopped is not None:
            return await self._stop(block.hold.stopped)
        return self._spoken(shares)

    async def _close(self, delta: BlockClose) -> list[Delta]:
        block = self._blocks.get(delta.index)
        if block is None:
            return self._give([delta])
        if block.gathered:
            return await self._call_is_whole(block, delta)
        if block.opened.kind in WORDS:  # its rest is looked at with what the next one says
            if block.hold.holds(delta.index) and not any(each.rest == delta.index for each in self._queue):
                self._queue.append(Waiting(rest=delta.index))
            return self._give([delta])
        made = await self._rest_of(block)
        if self.stopped is None and block.signature is not None and not block.hold.changed:
            made += self._give([BlockGrow(index=delta.index, signature=block.signature)])  # it signs these words
        return made if self.stopped is not None else [*made, *self._give([delta])]

    async def _rest_of(self, block: Block) -> list[Delta]:
        """What is still held of a block with a text of its own."""
        shares = await block.hold.end()
        if block.hold.stopped is not None:
            return await self._stop(block.hold.stopped)
        return [*self._spoken(shares), *self._pass(self._put_back(block))]

    async def _rest_of_words(self) -> list[Delta]:
        """What is still held of all words, and what waits for it."""
        shares = await self._words.end()
        if self._words.stopped is not None:
            return await self._stop(self._words.stopped)
        return self._spoken(shares)

    def _spoken(self, shares: Sequence[Share]) -> list[Delta]:
        """Texts that may leave, each in its block; what waited behind them leaves with them."""
        made: list[Delta] = []
        for each in shares:
            block = self._blocks[each.part]
            if not each.text:
                continue
            event = BlockGrow(index=each.part, text=each.text)
            shown = None
            if block.restorer is not None:
                text = block.restorer.feed(each.text)
                shown = BlockGrow(index=each.part, text=text) if text else NOTHING
            grown = Waiting(event=event, shown=shown)
            if block.opened.kind in WORDS:
                made += [*self._until(each.part), *self._leave(grown)]
            else:
                made += self._pass([grown])
        return [*made, *self._settled()]

    def _until(self, block: int) -> list[Delta]:
        """What stands before the place where that block's rest belongs, if it has to wait there: it has left."""
        made: list[Delta] = []
        if any(each.rest == block for each in self._queue):
            while self._queue[0].rest != block:
                made += self._leave(self._queue.popleft())
        return made

    def _settled(self) -> list[Delta]:
        """What waits behind places of which nothing is held any more."""
        made: list[Delta] = []
        while self._queue and not (self._queue[0].rest >= 0 and self._words.holds(self._queue[0].rest)):
            made += self._leave(self._queue.popleft())
        return made

    def _pass(self, events: Sequence[Waiting]) -> list[Delta]:
        """They leave, or wait behind what waits."""
        if self._queue:
            self._queue.extend(events)
            return []
        return [delta for each in events for delta in self._leave(each)]

    def _leave(self, event: Waiting) -> list[Delta]:
        """What the client gets of it now, which is noted."""
        given, made = event.event, list[Delta]()
        if given is not None:
            block = self._blocks.get(given.index) if isinstance(given, BlockOpen | BlockGrow | BlockClose) else None
            if block is not None:
                match given:
                    case BlockOpen():
                        block.given = True
                    case BlockGrow():
                        block.spoke = block.spoke or bool(given.text)
                    case _:
                        made += [each.shown for each in self._put_back(block) if each.shown is not None]
                        block.closed = True
            self._given.feed(given)
        return made if event.shown == NOTHING else [*made, *filter(None, [event.shown or given])]

    def _put_back(self, block: Block) -> list[Waiting]:
        """The rest of what stand-ins in it stand for: for the client alone."""
        rest = "" if block.restorer is None else block.restorer.end()
        return [Waiting(shown=BlockGrow(index=block.opened.index, text=rest))] if rest else []

    async def _call_is_whole(self, block: Block, closed: BlockClose) -> list[Delta]:
        opened, arguments = block.opened, "".join(block.calls)
        if self._on_tools:
            piece = Piece(stage="tool_arguments", text=arguments, role="assistant", tool=opened.name)
            subject = self._subject((piece,))
            ran = await self._guards.runner.run(self._acting_on_tools(), subject, self._guards.tools, "tool_arguments")
            self._guards.verdicts += ran.verdicts
            self._guards.swaps += ran.swaps
            if ran.stopped is not None:
                made = await self._rest_of_words()  # said before it, and harmless
                return made if self.stopped is not None else [*made, *await self._stop(ran.stopped)]
            self._changed = self._changed or bool(ran.swaps)
            arguments = ran.pieces[0].text
        block.gathered = False
        shown = BlockGrow(index=opened.index, text=self._in_arguments(arguments))
        grown = Waiting(event=BlockGrow(index=opened.index, text=arguments), shown=shown)
        return self._pass([Waiting(event=opened), grown, Waiting(event=closed)])

    def _restoring(self) -> Restoring | None:
        return None if self._known is None else self._known.stream()

    def _in_arguments(self, arguments: str) -> str:
        return arguments if self._known is None else self._known.restored_json(arguments)

    def _acting_on_tools(self) -> Chain:
        chain = self._guards.chain
        return Chain(guards=tuple(each for each in chain.at("tool_arguments") if each.acts), hash=chain.hash)

    async def _finish(self, delta: Finish) -> list[Delta]:
        self._ended = True
        if self._all:
            return await self._finish_whole(delta)
        made = await self._rest_of_words()
        for index, block in list(self._blocks.items()):  # a dialect may leave its blocks open
            if self.stopped is not None:
                return made
            if block.gathered:
                made += await self._call_is_whole(block, BlockClose(index=index))
            elif not block.closed:
                made += await self._rest_of(block)
        if self.stopped is not None:
            return made
        await self._judge_rest()
        self._through = True
        return [*made, *self._give([delta])]

    async def _finish_whole(self, delta: Finish) -> list[Delta]:
        """All of it was held back: it is looked at as a whole answer is."""
        response = fold([*self._waiting, delta])
        ran = await self._guards.runner.run(
            self._guards.chain, self._subject(answer_pieces(response.parts)), self._guards.tools, "output",
            "tool_arguments",
        )  # fmt: skip
        self._guards.verdicts += ran.verdicts
        self._guards.swaps += ran.swaps
        self._guards.held = sum(isinstance(each, BlockGrow) for each in self._waiting)
        if ran.stopped is not None:
            self.stopped = ran.stopped
            words = await self._guards.stop(self._call, ran.stopped, response)
            response = Response(
                id=response.id, model=response.model, created=response.created, parts=(Text(words),),
                stop="content_filter", usage=response.usage,
            )  # fmt: skip
        elif ran.swaps:
            self._changed = True
            response = answer_with(response, ran.pieces)
        for each in unfold(response):
            self._given.feed(each)
        self._through = True
        return unfold(self._restored(response))

    def _restored(self, response: Response) -> Response:
        if self._known is None or self.stopped is not None:
            return response
        return restored(response, self._known.restored, self._known.restored_json)

    async def _stop(self, by: Verdict) -> list[Delta]:
        """Nothing more of it leaves: what is open is closed, and the user is told."""
        self.stopped = by
        self._queue.clear()
        self._gather()
        words = await self._guards.stop(self._call, by, self._read.response())
        made: list[Delta] = [
            BlockClose(index=index) for index, block in self._blocks.items() if block.given and not block.closed
        ]
        spoken = any(block.spoke for block in self._blocks.values())
        new = max((index for index, block in self._blocks.items() if block.given), default=-1) + 1
        text = f"\n\n{words}" if spoken else words
        made += [BlockOpen(index=new, kind="text"), BlockGrow(index=new, text=text), BlockClose(index=new)]
        made.append(Finish(stop="content_filter", usage=None))
        return self._give(made)

    def _gather(self) -> None:
        """One verdict of each guard for all blocks of the answer."""
        if self._gathered:
            return
        self._gathered = True
        found: dict[str, Verdict] = {}
        for hold in self._holds():
            self._guards.swaps += hold.swaps
            self._changed = self._changed or hold.changed
            for name, verdict in hold.verdicts.items():
                found[name] = summed(found.get(name), verdict, verdict.found)
        if self.stopped is not None and self.stopped.unread:
            found.pop(self.stopped.guard, None)  # its word for the whole answer is there
        self._guards.verdicts += map(self._with_unread, found.values())

    def _with_unread(self, verdict: Verdict) -> Verdict:
        """A verdict that was reached piece by piece, with what stood beside the pieces."""
        by = next((each for each in self._acting if each.name == verdict.guard), None)
        found = {} if by is None else missed(by, "output", self._subject(()))
        return replace(verdict, unread=found) if found else verdict

    def _holds(self) -> list[HoldBack]:
        """That of all words, and those of blocks with a text of their own."""
        return [self._words, *(each.hold for each in self._blocks.values() if each.hold is not self._words)]

    async def _judge_rest(self) -> None:
        """What may not act here looks at the whole."""
        self._gather()
        chain = self._guards.chain
        acted = {name for hold in self._holds() for name in hold.verdicts}
        for stage in ANSWERED:
            guards = tuple(
                each
                for each in chain.at(stage)
                if not (stage == "output" and each.name in acted) and not (stage == "tool_arguments" and each.acts)
            )
            await self._note_only(Chain(guards=guards, hash=chain.hash), stage)

    async def _judge_whole(self) -> None:
        if self._ended:
            return
        self._ended = True
        await self._note_only(self._guards.chain, "output")
        await self._note_only(self._guards.chain, "tool_arguments")

    async def _note_only(self, chain: Chain, stage: Stage) -> None:
        pieces = tuple(each for each in answer_pieces(self._read.response().parts) if each.stage == stage)
        subject = self._subject(pieces)
        if not pieces and not subject.unread:
            return
        self._guards.verdicts += broken_at(chain, subject, STAGES)
        for guard in chain.guards:
            if stage in guard.stages and (any(piece.text for piece in pieces) or missed(guard, stage, subject)):
                seen = await self._guards.runner.look(guard, stage, subject, self._guards.tools)
                self._guards.verdicts.append(seen.verdict)

    def _subject(self, pieces: tuple[Piece, ...]) -> Subject:
        """With what else has come of the answer."""
        asked = self._guards.of_answer()
        return Subject(
            pieces=pieces,
            system=asked.system,
            question=asked.question,
            context=asked.context,
            schema=asked.schema,
            unread=answer_unread(self._read.response().parts) if self._ended else (),
            finish=self._read.response().stop if self._ended else "",
        )

    def _give(self, deltas: list[Delta]) -> list[Delta]:
        """What leaves as it is."""
        return self._pass([Waiting(event=each) for each in deltas])
