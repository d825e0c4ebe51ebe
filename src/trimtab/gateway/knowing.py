"""The step of an app's call that looks things up: search, guards at what was found, passages into the call.

    guards at what is asked -> `Knowing.begin` -> cache -> provider

It comes after the guards of what is asked, so that what they took out is looked for nowhere, and before the cache, so
that an answer made with these passages is given only to who gets the same ones. Corpora are searched at once; passages
are numbered in the order in which the release names their corpora, best first.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.gateway.apps import passages
from trimtab.gateway.apps.knowledge import Knowledge, Passage, PinnedCorpus, Seeker, Wanted
from trimtab.gateway.apps.prompt import Prompt
from trimtab.gateway.apps.rendering import Renderers
from trimtab.gateway.apps.types import Ready, Sought
from trimtab.gateway.call import NO_RETRY, Call
from trimtab.gateway.caller import RESERVED
from trimtab.gateway.deadline import left_s
from trimtab.gateway.guard_passages import informed, look
from trimtab.gateway.known import Known, header
from trimtab.ledger.estimate import estimate_tokens
from trimtab.prompts.types import PromptError
from trimtab.releases.knowledge import PREVIOUS, QUESTION
from trimtab.telemetry.records import KnowledgeNote, PassageNote

USER: Final = b"trimtab-user"
GROUPS: Final = b"trimtab-groups"
MAX_GROUPS: Final = 100
MAX_QUERY: Final = 4000
"""Characters that are looked for: the end of a longer question, where people ask."""
AT_A_TIME: Final = 2


class Candidate(Struct, frozen=True):
    """A passage that may go into the call, or why it may not."""

    passage: Passage
    left_out: str = ""


class Looked(Struct, frozen=True, kw_only=True):
    """What came of one corpus."""

    sought: Sought
    note: KnowledgeNote
    found: tuple[Candidate, ...] = ()
    error: TrimtabError | None = None


class Knowing:
    """``room`` is what searches; without it no release that has knowledge can be called. ``now_ns``: Unix ns."""

    def __init__(self, room: Knowledge | None, now_ns: Callable[[], int]) -> None:
        self._room = room
        self._now = now_ns
        self._few = Renderers(AT_A_TIME)

    async def begin(self, call: Call, release: Ready) -> None:
        """Put what is found into the call. Raises `Unavailable` where a search failed that the release cannot do
        without."""
        if call.front.operation != "chat":
            return
        question, previous = passages.asked(call.front.parse_request(call.body))
        looked = await asyncio.gather(*(self._look(call, each, question, previous) for each in release.knowledge))
        self._refuse_failed(call, release, looked)
        used = await self._chosen(call, looked)
        call.known = known = Known(call.body, used)
        call.extra_headers += header(used)
        if any(each.note.failed for each in looked):
            call.extra_headers += b"trimtab-knowledge: unavailable\r\n"
        shown = _shown(looked, known)
        if not shown:
            return
        body = passages.put(call.front, call.body, passages.shown(shown))
        if call.original is None:
            call.original = call.body
        call.body = body
        call.head = call.front.peek(body)
        informed(call.guards, known.texts)

    # --- search ---

    async def _look(self, call: Call, sought: Sought, question: str, previous: str) -> Looked:
        began, pinned = self._now(), sought.pinned
        corpus = PinnedCorpus(corpus=pinned.corpus, version=pinned.version, hash=pinned.digest)
        note = KnowledgeNote(
            corpus=pinned.corpus,
            version=pinned.version,
            digest=pinned.digest,
            follow=pinned.follow,
            mode=pinned.mode,
            started_ns=began,
            ended_ns=began,
        )
        if not question:
            return Looked(sought=sought, note=replace(note, code="no_question"))
        query = question
        try:
            async with asyncio.timeout(self._within(call, pinned.timeout_ms)):
                query = await self._query(call, sought.query, question, previous)
                assert call.project is not None
                if self._room is None:
                    raise Unavailable("This server has no room for knowledge.", retryable=False)
                wanted = Wanted(text=query, top=pinned.top, mode=pinned.mode, least=pinned.least)
                found = await self._room.search(call.project.id, (corpus,), wanted, seeker_of(call))
        except TimeoutError:
            late = Unavailable(f"The search took longer than {pinned.timeout_ms} ms.", code="knowledge_timeout")
            return self._failed(sought, note, query, late)
        except TrimtabError as error:
            return self._failed(sought, note, query, error)
        version = found.passages[0].version if found.passages else pinned.version
        note = replace(note, query=query, version=version, mode=found.mode, remarks=found.notes, ended_ns=self._now())
        return Looked(sought=sought, note=note, found=_fitting(found.passages, pinned.tokens))

    def _within(self, call: Call, timeout_ms: int) -> float:
        left = left_s(call, self._now())
        return timeout_ms / 1000 if left is None else max(0.001, min(timeout_ms / 1000, left))

    async def _query(self, call: Call, template: Prompt | None, question: str, previous: str) -> str:
        """What is looked for. Raises `PromptError`."""
        if template is None:
            return question[-MAX_QUERY:]
        values = {QUESTION: question[-MAX_QUERY:], PREVIOUS: previous[-MAX_QUERY:]}
        who = "" if call.principal is None else call.principal.key_id
        said = template.at_once(values, len(question) + len(previous)) or await template.aside(values, self._few, who)
        text = str(said.before[-1].get("content", "")) if said.before else ""
        if not text.strip():
            raise PromptError("The query of the knowledge says nothing for this question.", fix="Change the template.")
        return text.strip()[-MAX_QUERY:]

    def _failed(self, sought: Sought, note: KnowledgeNote, query: str, error: TrimtabError) -> Looked:
        note = replace(note, query=query, ended_ns=self._now(), failed=error.message[:500], code=error.code)
        return Looked(sought=sought, note=note, error=error)

    def _refuse_failed(self, call: Call, release: Ready, looked: Sequence[Looked]) -> None:
        for each in looked:
            pinned, error = each.sought.pinned, each.error
            if error is not None and pinned.on_failure == "refuse":
                call.known = Known(call.body, tuple(one.note for one in looked))
                again = error.retryable
                if not again:
                    call.extra_headers += NO_RETRY
                raise Unavailable(
                    f"{release.app} {release.short} cannot be answered: its knowledge {pinned.corpus!r} could not be "
                    f"searched. {error.message}",
                    fix="Try again in a moment."
                    if again
                    else "Place a release whose corpora are there, or let this one answer without ('on_failure').",
                    code="knowledge_unavailable",
                    retryable=again,
                ) from error

    # --- what goes into the call ---

    async def _chosen(self, call: Call, looked: Sequence[Looked]) -> tuple[KnowledgeNote, ...]:
        """The notes, with every passage numbered that guards let through, and what was left out and why."""
        ahead = _once(looked)
        asked = [one.passage for each in ahead for one in each if not one.left_out]
        seen = iter(await look(call.guards, asked))
        notes: list[KnowledgeNote] = []
        number = 0
        for each, candidates in zip(looked, ahead, strict=True):
            told: list[PassageNote] = []
            for one in candidates:
                passage, why = replace(one.passage, text=""), one.left_out
                if not why:
                    after = next(seen)
                    passage, why = after.passage, after.left_out
                number += not why
                told.append(_note(passage, 0 if why else number, why))
            notes.append(replace(each.note, passages=tuple(told)))
        return tuple(notes)


def seeker_of(call: Call) -> Seeker:
    """Who asks, as far as documents go. What the server asks for itself (experiments, judges, guards) is asked for
    nobody: it gets what everybody may see."""
    feature = call.caller.feature
    if call.principal is None or feature.startswith(RESERVED):
        return Seeker()
    header = call.exchange.header
    groups = (header(GROUPS) or b"").decode("utf-8", "replace").split(",")
    return Seeker(
        user=(header(USER) or b"").decode("utf-8", "replace").strip(),
        groups=tuple(dict.fromkeys(filter(None, (each.strip() for each in groups))))[:MAX_GROUPS],
        key=call.principal.key_id,
        role=call.principal.role,
    )


def _fitting(found: Sequence[Passage], tokens: int) -> tuple[Candidate, ...]:
    """Best first, as long as there is room: one that is too long makes room for a shorter one behind it."""
    made: list[Candidate] = []
    left = tokens
    for each in found:
        size = estimate_tokens(each.text)
        if size > left:
            made.append(Candidate(each, f"It takes about {size} tokens, and {left} of {tokens} were left."))
            continue
        left -= size
        made.append(Candidate(each))
    return tuple(made)


def _once(looked: Sequence[Looked]) -> list[list[Candidate]]:
    """What is said twice, in two corpora or in overlapping copies of a document, goes into a call once."""
    said: set[str] = set()
    made: list[list[Candidate]] = []
    for each in looked:
        mine: list[Candidate] = []
        for one in each.found:
            again = not one.left_out and one.passage.text in said
            if not one.left_out:
                said.add(one.passage.text)
            mine.append(Candidate(one.passage, "Another passage says the same.") if again else one)
        made.append(mine)
    return made


def _note(of: Passage, number: int, left_out: str) -> PassageNote:
    return PassageNote(
        number=number,
        document=of.document,
        chunk=of.chunk,
        score=of.score,
        title=of.title,
        source=of.source,
        text=of.text,
        start=of.start,
        end=of.end,
        updated=of.updated,
        stale=of.stale,
        meaning=of.meaning,
        words=of.words,
        left_out=left_out,
        allowed=of.allowed,
    )


def _shown(looked: Sequence[Looked], known: Known) -> list[Passage]:
    """The passages as the model gets them, in order of their numbers."""
    found = {(one.passage.corpus, one.passage.chunk): one.passage for each in looked for one in each.found}
    return [
        replace(found[note.corpus, each.chunk], title=each.title, source=each.source, text=each.text)
        for note in known.notes
        for each in note.passages
        if each.number
    ]
