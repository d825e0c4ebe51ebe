"""Guards and what passes through: the words of a call that makes or hears pictures and sound, and those of its answer.

    body --texts (input, retrieved)--> provider --answer--> texts (output) --> client

What is asked is read whole where a guard may look at it, and so is what is answered where one may act on it; what only
flags looks when the answer is whole. What none of them can read (a picture that is sent, the sound that comes back) is
known before anybody is asked, so a guard that lets no such thing pass refuses it before it costs.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from msgspec.structs import replace

from trimtab.core.errors import Forbidden, InvalidRequest, TooLarge
from trimtab.gateway.call import Call
from trimtab.gateway.carried_texts import Texts, answered, asked_form, asked_json, nothing_read
from trimtab.gateway.guarded import Guards
from trimtab.gateway.rewritten import Guarded
from trimtab.gateway.targets import ProjectTargets
from trimtab.gateway.tried import Try
from trimtab.guard.run import Ran
from trimtab.guard.spec import Broken, Chain, Ready
from trimtab.guard.standing_in import StandIns
from trimtab.guard.types import Subject, Unread
from trimtab.llm.types import StopReason

READ: Final = ("images", "audio", "files")
"""Families whose bodies guards look at. A batch's lines are in a file: `guard_batches.py`."""
LONGEST: Final = 64 * 1024 * 1024
"""Bytes of an answer that are held to be looked at."""
AT_ONCE: Final = 256 * 1024
"""Bytes that are taken apart on the event loop; more in a thread."""
SPEECH: Final = "/audio/speech"
MOST_KEPT: Final = 256 * 1024
"""Bytes that are kept of an answer that guards have changed."""
T = TypeVar("T")
_KIND: Final = {"images": "image", "audio": "audio"}


def acts(chain: Chain) -> bool:
    """Whether one of them may change what passes."""
    return any(each.spec.mode == "enforce" for each in chain.broken) or any(_acts(each) for each in chain.guards)


def _acts(guard: Ready | Broken) -> bool:
    return guard.spec.mode == "enforce" and (guard.spec.action != "flag" or guard.spec.unread == "block")


# --- what is asked ---


async def texts_of(family: str, body: bytes | None, boundary: bytes | None, *, is_json: bool, chain: Chain) -> Texts:
    """What there is to look at of a body, which is None where it is too long to be held. Raises `TooLarge` and
    `InvalidRequest` where a guard might act on what nobody can look at."""
    kind = _KIND.get(family, "file")
    if family == "files":
        return nothing_read("retrieved", kind)
    if body is None:
        if acts(chain):
            raise TooLarge(
                f"Guards ({_names(chain)}) look at this call whole, and it is too long for that.",
                fix="Send less; or raise TRIMTAB_MAX_BODY_MB.",
            )
        return nothing_read("input", kind)
    if not body:
        return nothing_read("input", kind)
    if is_json:
        return await _beside(len(body), lambda: asked_json(body, family))
    if boundary is not None:
        try:
            return await _beside(len(body), lambda: asked_form(body, boundary, family))
        except InvalidRequest:
            if acts(chain):
                raise
    elif acts(chain):
        raise InvalidRequest(
            f"Guards ({_names(chain)}) look at this call, and its body is neither JSON nor a form.",
            fix="Send JSON (content-type: application/json) or a form (multipart/form-data).",
            code="guard_unsupported",
            param="content-type",
        )
    return nothing_read("input", kind)


def subject_of(texts: Texts, family: str, rest: str) -> Subject:
    """With what its answer will be that nobody can read."""
    made = "image" if family == "images" else "audio" if rest == SPEECH else ""
    comes = (Unread(stage="output", what=made, role="assistant"),) if made else ()
    question = next((each.text for each in texts.pieces if each.stage == "input"), "")
    return Subject(pieces=texts.pieces, question=question, unread=(*texts.unread, *comes))


def _names(chain: Chain) -> str:
    acting = [each.name for each in (*chain.guards, *chain.broken) if _acts(each)]
    return ", ".join(acting[:3])


async def _beside(size: int, make: Callable[[], T]) -> T:
    return make() if size <= AT_ONCE else await asyncio.to_thread(make)


# --- what is answered ---


class CarriedAnswer:
    """The answer of a call that guards look at. ``holds``: nothing of it leaves before they have."""

    def __init__(self, call: Call, guards: Guards, family: str) -> None:
        self._call = call
        self._guards = guards
        self._family = family
        chain = guards.chain
        self.holds = bool(guards.originals or chain.broken) or any(_acts(each) for each in chain.at("output"))
        self._seen = bytearray()
        self._is_too_long = False

    def take(self, piece: bytes) -> None:
        """A piece that passes, for a look at the end."""
        if not self._is_too_long:
            self._is_too_long = len(self._seen) + len(piece) > LONGEST
            self._seen += b"" if self._is_too_long else piece

    async def note(self, kind: str) -> None:
        """Write down what guards that change nothing see in what has passed."""
        self._guards.take(await self._look(await self._texts(kind, None if self._is_too_long else bytes(self._seen))))

    async def gather(self, pieces: AsyncIterator[bytes]) -> bytes:
        """All of it. Raises `Forbidden` where that is too much to hold."""
        async for piece in pieces:
            self.take(piece)
            if self._is_too_long:
                raise Forbidden(
                    f"Guards ({_names(self._guards.chain)}) look at this answer whole, and it is longer than "
                    f"{LONGEST >> 20} MB.",
                    fix="Ask for less at a time.",
                    code="guard_unsupported",
                )
        return bytes(self._seen)

    async def made(self, attempt: Try | None, kind: str, body: bytes) -> bytes:
        """The answer as the client may have it. Raises `Forbidden` where a guard stops it: it was made all the same,
        and costs what it costs."""
        try:
            texts = await self._texts(kind, body)
            ran = await self._look(texts)
        except BaseException:  # the client left meanwhile: what was not looked at is not kept
            self._keep(attempt, b"", "unknown")
            raise
        self._guards.take(ran)
        if ran.stopped is not None:
            self._keep(attempt, b"", "content_filter")
            words = await self._guards.stop(self._call, ran.stopped, None)
            self._call.extra_headers += b"trimtab-guard: %b\r\n" % ran.stopped.action.encode()
            raise Forbidden(words, fix="Change what is asked.", code="guard_blocked")
        if ran.swaps:
            body = await _beside(len(body), lambda: texts.written(ran.pieces))
            self._keep(attempt, body, "stop")
        return await self.restored(kind, body)

    async def restored(self, kind: str, body: bytes) -> bytes:
        """With what stand-ins stand for put back."""
        if not self._guards.originals:
            return body
        known = StandIns(self._guards.originals)
        texts = await self._texts(kind, body)
        return await _beside(len(body), lambda: texts.each(known.restored) if texts.pieces else body)

    async def _texts(self, kind: str, body: bytes | None) -> Texts:
        what = _KIND.get(self._family, "file")
        found = None if body is None else await _beside(len(body), lambda: answered(kind, body, self._family))
        return nothing_read("output", what, "assistant") if found is None else found

    async def _look(self, texts: Texts) -> Ran:
        guards = self._guards
        subject = replace(guards.of_answer(), pieces=texts.pieces, unread=texts.unread)
        return await guards.runner.run(guards.chain, subject, guards.tools, "output")

    def _keep(self, attempt: Try | None, body: bytes, stop: StopReason) -> None:
        """What its row has of the answer, which is not the provider's."""
        if attempt is not None:
            kept = body if len(body) <= MOST_KEPT else b""
            attempt.guarded = Guarded(body=kept, dialect=self._call.front.name, stop=stop)


def answer_of(call: Call, family: str, rest: str) -> CarriedAnswer | None:
    """Where guards look at what is answered: not at speech, of which they were told before it was made."""
    guards = call.guards
    if guards is None or rest == SPEECH or family not in ("images", "audio"):
        return None
    looks = guards.originals or guards.chain.broken or guards.chain.at("output")
    return CarriedAnswer(call, guards, family) if looks else None


def also_called(asked: str, provider: str, targets: ProjectTargets) -> str:
    """How a provider's own model is called as well, whose provider a header or nobody names; empty where the call's
    name says it all. A header may also take a name that a model of another provider has here."""
    known = targets.models.get(asked)
    named = known is not None and known.provider == provider
    return "" if named or asked.startswith(provider + "/") else f"{provider}/{asked}"


def family_of(path: str) -> tuple[str, str]:
    """Of a path that passes through: its family, and the path behind ``/v1``."""
    rest = path.removeprefix("/v1")
    return rest.split("/")[1] if rest.startswith("/") else "", rest
