"""Whether a whole answer of a cheap target is good enough to be passed on, by what can be seen of it.

It looks for the plain cases: nothing was said, the answer was cut off by the model's own bound, the model refused or
said that it does not know, or (where the provider gives log probabilities) it was unsure of its words. The phrases are
those with which models begin such answers; an answer that goes on at length after one is not in doubt. An answer that
calls tools says what it wants, and is doubted only when it was cut off.
"""

import re
from typing import Any

import msgspec

from trimtab.core.errors import TrimtabError
from trimtab.gateway.routing.types import Escalate
from trimtab.llm.dialects import Dialect
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.types import Opaque, Refusal, Response, Text, ToolCall

BEGINNING = 200
"""Characters of an answer in which a phrase counts."""
SHORT = 600
"""An answer longer than this has something to say, whatever it begins with."""

_REFUSES = re.compile(
    r"\b(i(['’]m| am) (sorry|unable)|i (can(['’]|no)?t|cannot|won['’]t|am not able to) (help|assist|answer|provide|do|"
    r"comply|fulfill|discuss)|(je (ne peux|suis désolé)|ich kann (dir |ihnen )?(dabei |damit )?(leider )?nicht|"
    r"tut mir leid|no puedo ayudar|lo siento))",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(i (do not|don['’]t|really don['’]t) (know|have (enough|access|any information|sufficient))|i(['’]m| am) not "
    r"(sure|certain|familiar)|i have no (idea|information)|(it is|it['’]s) (unclear|impossible to say)|"
    r"(ich weiß (es )?nicht|je ne sais pas|no (lo )?sé))",
    re.IGNORECASE,
)


class _Token(msgspec.Struct):
    logprob: float = 0.0


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _Choice(msgspec.Struct):
    logprobs: _Logprobs | None = None


class _Body(msgspec.Struct):
    """The log probabilities in OpenAI's shape: https://platform.openai.com/docs/api-reference/chat/object"""

    choices: list[_Choice] = []


_read = msgspec.json.Decoder(_Body).decode


def doubt_of(node: Escalate, dialect: Dialect, body: bytes, *, bounded: bool) -> str:
    """Why the answer in ``body`` is in doubt, in words for the record; empty where it is not. ``bounded``: the client
    itself bound the answer's length, so being cut off says nothing against the model."""
    try:
        response = dialect.parse_response(body)
    except TrimtabError:
        return ""  # passed through unread; what cannot be read cannot be doubted
    if "length" in node.doubts and response.stop == "length" and not bounded:
        return "the answer was cut off by its length"
    if any(isinstance(part, ToolCall | Opaque) for part in response.parts):
        return ""
    said = _by_words(node, response)
    return said or (_by_logprobs(node, body) if "logprob" in node.doubts else "")


def _by_words(node: Escalate, response: Response) -> str:
    text = "".join(part.text for part in response.parts if isinstance(part, Text)).strip()
    refused = response.stop in ("refusal", "content_filter") or any(isinstance(p, Refusal) for p in response.parts)
    beginning = text[:BEGINNING] if len(text) <= SHORT else ""
    if "refusal" in node.doubts and (refused or _REFUSES.search(beginning)):
        return "the model refused"
    if "unsure" in node.doubts and _UNSURE.search(beginning):
        return "the model said that it does not know"
    if "empty" in node.doubts and not text and not refused:
        return "the answer is empty"
    return ""


def _by_logprobs(node: Escalate, body: bytes) -> str:
    if b'"logprob"' not in body:
        return ""
    try:
        choices: Any = _read(body).choices
    except BROKEN:
        return ""
    tokens = choices[0].logprobs.content if choices and choices[0].logprobs is not None else None
    if not tokens:
        return ""
    mean = sum(token.logprob for token in tokens) / len(tokens)
    if mean >= node.least_logprob:
        return ""
    return f"its mean log probability per token is {mean:.2f}, below {node.least_logprob:g}"
