"""What changed in a release's knowledge, in sentences without their full stops. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from trimtab.releases.types import PinnedKnowledge

NOT_FROZEN: Final = "as it is at each call, which the release does not freeze"
_MODES: Final = {"hybrid": "by meaning and by words", "meaning": "by meaning", "words": "by words"}


def told(before: Sequence[PinnedKnowledge], after: Sequence[PinnedKnowledge]) -> list[tuple[str, str]]:
    """The corpus and the sentence, in order of corpus; an empty name for what is said of all together."""
    old, new = {each.corpus: each for each in before}, {each.corpus: each for each in after}
    found = [
        (name, text) for name in sorted({*old, *new}) for text in _one(old.get(name), new.get(name)) if text
    ]  # fmt: skip
    if list(old) != list(new) and sorted(old) == sorted(new):
        found.append(("", "The corpora are searched in another order"))
    return found


def _one(old: PinnedKnowledge | None, new: PinnedKnowledge | None) -> Iterator[str]:
    if new is None:
        yield f"No longer looks things up in {'' if old is None else old.corpus}"
        return
    if old is None:
        yield f"Looks things up in {new.corpus} ({_which(new)}): up to {_passages(new.top)}, {_MODES[new.mode]}"
        if new.on_failure == "answer_without":
            yield f"Answers without {new.corpus} where that cannot be searched"
        return
    if (old.follow, old.digest) != (new.follow, new.digest):
        yield _moved(old, new)
    yield from _settings(old, new)


def _which(of: PinnedKnowledge) -> str:
    return NOT_FROZEN if of.follow else f"version {of.version}"


def _moved(old: PinnedKnowledge, new: PinnedKnowledge) -> str:
    if new.follow:
        return f"Searches {new.corpus} {NOT_FROZEN} (it was frozen at version {old.version})"
    if old.follow:
        return f"Searches version {new.version} of {new.corpus} and no other (it was the newest at each call)"
    if old.version == new.version:
        return f"The version {new.version} of {new.corpus} is another one"
    return f"The knowledge {new.corpus} went from version {old.version} to {new.version}"


def _settings(old: PinnedKnowledge, new: PinnedKnowledge) -> Iterator[str]:
    name = new.corpus
    if old.top != new.top:
        yield f"Takes up to {_passages(new.top)} of {name} instead of {old.top}"
    if old.least != new.least:
        yield f"Leaves out passages of {name} whose similarity is below {_or(new.least)} instead of {_or(old.least)}"
    if old.tokens != new.tokens:
        yield f"Gives passages of {name} room for {new.tokens} tokens instead of {old.tokens}"
    if old.mode != new.mode:
        yield f"Searches {name} {_MODES[new.mode]} instead of {_MODES[old.mode]}"
    if old.query != new.query:
        yield f"Looks in {name} for {_query(new.query)} instead of {_query(old.query)}"
    if old.on_failure != new.on_failure:
        without = new.on_failure == "answer_without"
        yield f"{'Answers without' if without else 'Refuses calls without'} {name} where that cannot be searched"
    if old.timeout_ms != new.timeout_ms:
        yield f"Waits up to {new.timeout_ms} ms for {name} instead of {old.timeout_ms}"
    if old.layout != new.layout:
        yield f"Puts passages of {name} into calls in another form"


def _passages(top: int) -> str:
    return f"{top} passage{'' if top == 1 else 's'}"


def _or(least: float | None) -> str:
    return "nothing" if least is None else f"{least:g}"


def _query(query: str) -> str:
    return repr(query if len(query) <= 80 else f"{query[:77]}...") if query else "the question"
