"""The response cache: one step before a call's attempts, which may answer it, and one after them, which may keep the
answer.

    may it be kept at all? -> look for the same request -> look for one that means the same -> (the attempts) -> keep

Off unless a policy of the called name, or the client's own ``trimtab-cache`` header, asks for it. A hit is a row like
any other: one attempt at the provider ``cache``, with the usage of the stored answer, at a cost of 0 by the price row
``cache:hit``. Every answer it had a say in carries a ``trimtab-cache`` header that says what was done and why.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec.structs import replace

from trimtab.core.errors import Unavailable
from trimtab.core.ids import new_span_id
from trimtab.gateway.call import Call
from trimtab.gateway.call_policy import LONGEST_TTL_S, CachePolicy, CompiledPolicy, salt
from trimtab.gateway.kept import cache_key
from trimtab.gateway.kept.answers import Answers
from trimtab.gateway.kept.cache_key import Directives, context_of
from trimtab.gateway.kept.cache_store import About, Meaning, Stored
from trimtab.gateway.kept.recording import Recording, about_answer, answering, as_asked, replay
from trimtab.gateway.kept.semantic import Near, Question
from trimtab.gateway.snapshot import Snapshot
from trimtab.ledger.types import Cost
from trimtab.telemetry.records import Attempt, CacheNote, Candidate

log = logging.getLogger("trimtab.cache")
EMBEDDER = "embedder"
"""The reason of a semantic miss where the embedder was away: the question was compared with nothing."""
HIT = Cost(amount=0, price="cache:hit")
KEPT_STOPS = frozenset(("stop", "stop_sequence", "length", "tool_calls"))
"""Answers that ended otherwise (refused, filtered, paused) are not given to anybody else."""
NO_STOP_NEEDED = frozenset(("embeddings", "rerank"))


class Semantic(Protocol):
    """What the cache needs of `semantic.SemanticIndex`."""

    async def nearest(self, question: Question, threshold: float | None) -> list[Near]: ...

    def forget(self, question: Question, key: bytes) -> None: ...

    async def meaning(self, question: Question, answer: Stored) -> Meaning | None: ...


class Look:
    """One call's business with the cache."""

    __slots__ = ("ask", "key", "policy", "question", "recording")

    def __init__(self, ask: Directives, policy: CachePolicy, key: bytes, question: Question | None) -> None:
        self.ask = ask
        self.policy = policy
        self.key = key
        self.question = question
        self.recording: Recording | None = None


class Cache:
    """``record`` makes a call's record durable (`Books.record`); ``now_ns`` is the wall clock."""

    def __init__(
        self,
        answers: Answers,
        semantic: Semantic | None,
        record: Callable[[Call], Awaitable[None]],
        now_ns: Callable[[], int],
    ) -> None:
        self._answers = answers
        self._semantic = semantic
        self._record = record
        self._now = now_ns

    @staticmethod
    def concerns(call: Call, compiled: CompiledPolicy | None) -> bool:
        """Whether it is worth a `look`: the name's policy or the call itself speaks of a cache."""
        if compiled is not None and compiled.policy.cache is not None:
            return True
        return not call.exchange.quiet and call.exchange.header(b"trimtab-cache") is not None

    def look(self, call: Call, compiled: CompiledPolicy | None, snapshot: Snapshot) -> Look | None:
        """Whether this call has business with the cache, and which. Raises `InvalidRequest` for a header it cannot
        read. Costs two header look-ups where nothing is configured."""
        header = call.exchange.header
        ours = header(b"trimtab-cache")
        policy = None if compiled is None else compiled.policy.cache
        if policy is None and ours is None:
            return None
        ask = cache_key.directives(ours, header(b"cache-control"))
        policy = _in_force(policy, ask)
        if policy is None:
            return None
        standing = _salt(call, snapshot) if compiled is None else compiled.salt
        if standing is None:
            return None  # a name that means nothing: the call will be told so
        if not (ask.look or ask.keep):
            return self._bypass(call, "asked")
        body = call.body if call.known is None else call.known.body
        if len(body) > cache_key.MAX_BODY:
            return self._bypass(call, "size")
        request = cache_key.canonical(body)
        if request is None:
            return None
        operation = call.front.operation
        if operation == "chat" and not policy.sampled and cache_key.is_sampled(request):
            return self._bypass(call, "temperature")
        if call.guards is not None and call.guards.originals:
            return self._bypass(call, "guards")  # what is put back into the answer is this caller's alone
        context = _context(call, policy, ask, standing)
        question = None
        if policy.mode == "semantic" and self._semantic is not None and operation == "chat":
            parts = cache_key.without_question(request)
            question = parts and Question(cache_key.digest(parts[0], b"question" + context), parts[1])
        return Look(ask, policy, cache_key.digest(request, context), question)

    async def answer(self, call: Call, look: Look) -> bool:
        """Give a stored answer if there is one. Otherwise prepare to keep the one that comes: `keep` it then."""
        blind = ""
        if look.ask.look:
            answers = self._answers
            stored = answers.find_here(look.key) if answers.at_hand else await answers.find(look.key)
            if stored is not None and await self._give(call, look, stored, 1.0):
                return True
            if look.question is not None:
                near = await self._near(look, look.question)
                blind = EMBEDDER if near is None else ""
                if near and await self._give_near(call, look, look.question, near):
                    return True
        assert call.project is not None
        self._answers.tally(call.project.id, call.head.model).misses += 1
        outcome = "miss" if look.ask.look else "refresh"
        told = f"{outcome}; reason={blind}" if blind else outcome
        call.extra_headers += b"trimtab-cache: %b\r\n" % told.encode()
        call.cache = CacheNote(outcome=outcome, mode=look.policy.mode, reason=blind)
        if look.ask.keep:
            call.exchange = look.recording = Recording(call.exchange)
        return False

    async def keep(self, call: Call, look: Look) -> None:
        """Keep the answer the client has just got, if it is one that may be given again."""
        recording = look.recording
        if recording is None or recording.status != 200 or call.outcome != "answer" or not call.attempts:
            return
        body = recording.whole
        last = answering(call)
        if body is None or (last.stop not in KEPT_STOPS and call.front.operation not in NO_STOP_NEEDED):
            return
        assert call.project is not None
        now = self._answers.now_ms()
        stored = Stored(
            key=look.key,
            project_id=call.project.id,
            name=call.head.model,
            stored=now,
            expires=now + int(look.policy.ttl_s * 1000),
            about=about_answer(call, recording),
            body=body,
        )
        meaning = None
        if look.question is not None and self._semantic is not None:
            meaning = await self._semantic.meaning(look.question, stored)
        self._answers.keep(stored, meaning)

    # --- inside ---

    def _bypass(self, call: Call, reason: str) -> None:
        assert call.project is not None
        self._answers.tally(call.project.id, call.head.model).bypassed += 1
        call.extra_headers += b"trimtab-cache: bypass; reason=%b\r\n" % reason.encode()
        call.cache = CacheNote(outcome="bypass", reason=reason)

    async def _near(self, look: Look, question: Question) -> list[Near] | None:
        """What means the same; None where the question cannot be compared with anything now."""
        assert self._semantic is not None
        try:
            return await self._semantic.nearest(question, look.policy.threshold)
        except Unavailable as error:
            log.info("a question was compared with nothing: %s", error.message)
            return None

    async def _give_near(self, call: Call, look: Look, question: Question, found: list[Near]) -> bool:
        assert self._semantic is not None
        for near in found:
            stored = await self._answers.find(near.key)
            if stored is None:
                self._semantic.forget(question, near.key)
            elif await self._give(call, look, stored, near.similarity):
                return True
        return False

    async def _give(self, call: Call, look: Look, stored: Stored, similarity: float) -> bool:
        age_ms = max(0, self._answers.now_ms() - stored.stored)
        if look.ask.max_age_s is not None and age_ms > look.ask.max_age_s * 1000:
            return False
        form = as_asked(stored.about, stored.body, call)
        if form is None:
            return False
        about, body = form
        exact = stored.key == look.key
        call.extra_headers += b"trimtab-cache: hit; age=%d\r\n" % (age_ms // 1000)
        if not exact:
            call.extra_headers = call.extra_headers[:-2] + b"; similarity=%.4f\r\n" % similarity
        mode = "exact" if exact else "semantic"
        call.cache = CacheNote(
            outcome="hit",
            mode=mode,
            age_s=age_ms // 1000,
            similarity=similarity,
            saved=about.cost,
            first_request=about.request_id,
        )
        self._write_down(call, about, body, f"{mode} hit, {age_ms // 1000} s old, first answered as {about.request_id}")
        await self._record(call)
        replay(call, about, body)
        self._answers.note_use(stored.key)
        self._count(call, about, exact=exact)
        return True

    def _write_down(self, call: Call, about: About, body: bytes, reason: str) -> None:
        """The hit as an attempt: nothing was asked of a provider, and nothing is paid."""
        now = self._now()
        call.first_token_ns = now
        call.attempts.append(
            Attempt(
                span_id=new_span_id(),
                provider="cache",
                kind="cache",
                model=about.model,
                dialect=call.front.name,
                started_ns=call.started_ns,
                ended_ns=now,
                first_byte_ns=now,
                first_token_ns=now,
                status=200,
                stream=about.stream,
                usage=about.usage,
                cost=HIT,
                response_id=about.response_id,
                model_used=about.model_used,
                stop=about.stop,
                response=body if call.project is not None and call.project.capture_content else b"",
            )
        )
        call.decision.append(Candidate(model=call.head.model[:512], provider="cache", verdict="chosen", reason=reason))

    def _count(self, call: Call, about: About, *, exact: bool) -> None:
        assert call.project is not None
        tally = self._answers.tally(call.project.id, call.head.model)
        if exact:
            tally.exact += 1
        else:
            tally.semantic += 1
        tally.tokens += about.usage.total() if about.usage is not None else 0
        tally.saved += about.cost or 0


def _in_force(policy: CachePolicy | None, ask: Directives) -> CachePolicy | None:
    """The policy as this call narrows it. Without one the client's own wish counts, shared with nobody but its key."""
    if policy is None:
        if ask.mode is None:
            return None
        policy = CachePolicy(mode=ask.mode, scope="key", sampled=True)
    elif ask.mode == "exact" and policy.mode == "semantic":
        policy = replace(policy, mode="exact", threshold=None, scope=policy.shared_by)
    if ask.ttl_s is not None:
        policy = replace(policy, ttl_s=max(1.0, min(ask.ttl_s, LONGEST_TTL_S)))
    return policy


def _salt(call: Call, snapshot: Snapshot) -> bytes | None:
    """Of a name without a policy of its own, whose caller opted in."""
    assert call.project is not None
    routes = {name: made.route for name, made in snapshot.routes.get(call.project.id, {}).items()}
    return salt(call.head.model, snapshot.targets[call.project.id], routes)


def _context(call: Call, policy: CachePolicy, ask: Directives, salt: bytes) -> bytes:
    """What keeps answers apart beside the request: project, model and what stands behind it, wire format, principal."""
    assert call.project is not None
    assert call.principal is not None
    shared_by = policy.shared_by
    key = "" if shared_by == "project" else call.principal.key_id
    user = call.caller.user if shared_by == "user" else ""
    if call.guards is not None:
        salt += call.guards.hash  # other guards, another answer
    if call.known is not None:
        salt += call.known.salt  # an answer from these passages is for whoever gets the same ones
    return context_of(salt, call.project.id, call.head.model, call.front.name, shared_by, key, user, ask.namespace)
