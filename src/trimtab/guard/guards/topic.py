"""What a text is about: topics that are denied, and topics that alone are allowed, told by words and by examples."""

import re
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from trimtab.core.errors import InvalidRequest
from trimtab.guard.detect.terms import Terms, any_of, places
from trimtab.guard.types import Action, CannotTell, Look, Needs, Stage, Subject, Tools

Text = Annotated[str, Meta(min_length=1, max_length=2_000)]
Name = Annotated[str, Meta(min_length=1, max_length=60)]
MOST: Final = 64
"""Texts of one look that are compared with examples."""
READ: Final = 1_200
"""Characters of a text that are compared: the embedder reads 256 tokens."""


class Topic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``words`` that tell it by themselves, and ``examples`` of what people say of it (5 to 20 of different kinds)."""

    words: Annotated[tuple[Text, ...], Meta(max_length=1_000)] = ()
    examples: Annotated[tuple[Text, ...], Meta(max_length=200)] = ()


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``denied``: a text with one of its words scores 1, else as much as it is like the most alike example (cosine).
    ``allowed``: a text with one of its words scores 0, else 1 less its likeness to the most alike example of any.
    ``least``: characters from which on a text is compared with examples: "yes, please" is about nothing."""

    denied: Annotated[dict[Name, Topic], Meta(max_length=100)] = {}
    allowed: Annotated[dict[Name, Topic], Meta(max_length=100)] = {}
    least: Annotated[int, Meta(ge=1)] = 20


class Ready(Struct, frozen=True):
    options: Options
    denied: dict[str, re.Pattern[str]]
    allowed: re.Pattern[str] | None


class TopicGuard:
    name: Final = "topic"
    version: Final = "1"
    about: Final = "Topics that are denied, or that alone are allowed, told by words and by examples."
    needs: Final[Needs] = "embed"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "block", "escalate")
    threshold: Final = 0.6
    window: Final = None
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Ready:
        for name, topic in {**options.denied, **options.allowed}.items():
            if not topic.words and not topic.examples:
                raise InvalidRequest(
                    f"Nothing tells the topic {name!r}.", fix="Give it 'words', 'examples' or both.", param="options"
                )
        if not options.denied and not options.allowed:
            raise InvalidRequest(
                "The guard topic knows no topic.", fix="Give 'denied', 'allowed' or both.", param="options"
            )
        words = [word for topic in options.allowed.values() for word in topic.words]
        return Ready(
            options,
            {name: any_of(topic.words) for name, topic in options.denied.items() if topic.words},
            any_of(words) if words else None,
        )

    async def look(self, subject: Subject, ready: Ready, tools: Tools) -> Look | CannotTell:
        for piece in subject.pieces:
            for name, pattern in ready.denied.items():
                if places(piece.text, Terms(pattern)):
                    return Look(score=1.0, label=name, reason=f"A word of the topic {name!r} is said.")
        texts = [piece.text[:READ] for piece in subject.pieces if len(piece.text) >= ready.options.least]
        if ready.allowed is not None:
            texts = [text for text in texts if not places(text, Terms(ready.allowed))]
        denied, allowed = _examples(ready.options.denied), _examples(ready.options.allowed)
        if not texts or not (denied or ready.options.allowed):
            return Look()
        if not denied and not allowed:  # allowed by words alone, and none was said
            return Look(score=1.0, label="none", reason="A text is about none of the allowed topics.")
        if tools.embed is None:
            return CannotTell(reason="topic needs the local embedder for examples: pip install 'trimtab[embed]'.")
        if len(texts) > MOST:
            return CannotTell(reason=f"topic compares up to {MOST} texts, and there are {len(texts)}.")
        vectors = await tools.embed([*texts, *(text for _, text in denied), *(text for _, text in allowed)])
        likeness: Any = vectors[: len(texts)] @ vectors[len(texts) :].T
        return _worst(likeness.tolist(), [name for name, _ in denied], bool(ready.options.allowed))


def _examples(topics: dict[str, Topic]) -> list[tuple[str, str]]:
    return [(name, text) for name, topic in topics.items() for text in topic.examples]


def _worst(rows: list[list[float]], denied: list[str], only_allowed: bool) -> Look:
    """Of all texts. ``rows``: each text's likeness to the examples, those of ``denied`` topics first."""
    worst = Look()
    for row in rows:
        near = max(range(len(denied)), key=lambda place: row[place], default=-1)
        if near >= 0 and row[near] > worst.score:
            worst = Look(
                score=min(1.0, row[near]), label=denied[near], reason=f"A text is like examples of {denied[near]!r}."
            )
        if only_allowed:
            far = 1 - max(row[len(denied) :], default=0.0)
            if far > worst.score:
                worst = Look(score=min(1.0, far), label="none", reason="A text is about none of the allowed topics.")
    return worst


PLUG = TopicGuard()
