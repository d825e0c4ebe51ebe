"""An app's knowledge: what a draft says of its corpora, judged and frozen. Pure.

'handbook' | Knowledge --use_of--> Knowledge --pinned--> PinnedKnowledge
"""

import re
from collections.abc import Mapping
from typing import Final

from trimtab.core.errors import InvalidRequest
from trimtab.prompts.types import Bundle, Message, PromptError, Source, Variable
from trimtab.prompts.types import Content as PromptContent
from trimtab.releases.types import APP, CorpusVersion, Knowledge, PinnedKnowledge

QUESTION: Final = "question"
PREVIOUS: Final = "previous"
MAX_QUERY: Final = 4000
"""Characters of a template."""
_NAME: Final = re.compile(APP)


def use_of(given: str | Knowledge) -> Knowledge:
    """What a draft means, by its short form too."""
    return Knowledge(corpus=given) if isinstance(given, str) else given


def check(use: Knowledge, where: str) -> None:
    """Judged by itself: the corpus need not be there yet. Raises `InvalidRequest`. Imports Jinja2 where there is a
    template."""
    if _NAME.fullmatch(use.corpus) is None:
        raise InvalidRequest(
            f"{use.corpus[:80]!r} names no corpus.",
            fix="Write its name: small letters, digits, '.', '_' and '-'. A version goes into 'version'.",
            param="knowledge",
        )
    if use.follow and use.version is not None:
        raise InvalidRequest(
            f"Of the corpus {use.corpus!r} a version is named, and it is to be followed.",
            fix="Leave 'version' out to search the newest at each call, or 'follow' to freeze that version.",
            param=f"{where}.follow",
        )
    if use.query:
        _check_query(use.query, where)


def _check_query(query: str, where: str) -> None:
    from trimtab.prompts.check import parsed

    if len(query) > MAX_QUERY:
        raise InvalidRequest(f"A query has at most {MAX_QUERY:,} characters.", fix="Shorten it.", param=where)
    try:
        asked, read = parsed(query, "the query")
    except PromptError as error:
        raise InvalidRequest(
            f"The query of the knowledge cannot be read: {error.message}", fix=error.fix, param=f"{where}.query"
        ) from error
    others = sorted(read - {QUESTION, PREVIOUS})
    if others or asked.includes:
        raise InvalidRequest(
            f"The query of the knowledge asks for {others[0]!r}, which there is not."
            if others
            else "The query of the knowledge includes a prompt.",
            fix="It has 'question' and 'previous'.",
            param=f"{where}.query",
        )
    if QUESTION not in read:
        raise InvalidRequest(
            "The query of the knowledge does not say 'question', so every call would look for the same.",
            fix="Write e.g. '{{ previous }} {{ question }}'.",
            param=f"{where}.query",
        )


def template_of(query: str) -> Bundle:
    """The template of what is looked for, as a prompt of one message."""
    made = PromptContent(
        variables={QUESTION: Variable(), PREVIOUS: Variable(default="")}, messages=(Message(role="user", text=query),)
    )
    return Bundle(prompt=Source(name="query", version=0, hash="", content=made))


def pinned(app: str, use: Knowledge, corpora: Mapping[str, CorpusVersion]) -> PinnedKnowledge:
    """Raises `InvalidRequest` where the corpus, or that version of it, is not there."""
    version = corpora.get(use.corpus)
    if version is None:
        raise InvalidRequest(
            f"The app {app!r} names the corpus {use.corpus!r}, which this project has not.",
            fix=f"Make it first: trimtab knowledge create {use.corpus}, then trimtab knowledge add {use.corpus} FILES",
            param="knowledge",
            code="corpus_missing",
        )
    return PinnedKnowledge(
        corpus=use.corpus,
        version=0 if use.follow else version.number,
        digest="" if use.follow else version.digest,
        top=use.top,
        least=use.least,
        tokens=use.tokens,
        mode=use.mode,
        query=use.query,
        on_failure=use.on_failure,
        timeout_ms=use.timeout_ms,
    )
