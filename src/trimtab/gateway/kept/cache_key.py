"""When two requests are the same: one digest over everything that decides the answer, and nothing else.

JSON is taken by its meaning: the order of keys, white space, ``1`` and ``1.0``, a field that is null or absent, and a
text written plainly or as a list of one text part make no difference. What says who asks, how the answer travels or
what the provider's books should note is left out. The called name, what stands behind it, the wire format and whoever
may share the answer are part of the digest, so nothing can be found across them.
"""

import hashlib
from functools import lru_cache
from typing import Any, Literal, TypeGuard, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.llm.dialects._reading import BROKEN

DIGEST_BYTES = 24
MAX_BODY = 1024 * 1024
"""Bytes of a request; a larger one is not looked up: hashing it would hold up the other calls of this worker."""

IRRELEVANT = frozenset(
    (
        "model",  # the called name is in the digest by itself
        "stream",
        "stream_options",
        "user",
        "safety_identifier",
        "metadata",
        "labels",
        "store",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "cache_control",
    )
)
"""Fields of a body, in whichever dialect, that do not decide what the answer is."""
_HINT = "cache_control"  # Anthropic's, also inside content parts, tools and system
_SAMPLING_PLACES = ("generationConfig", "inferenceConfig")  # Gemini's and Bedrock's

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="deterministic").encode

Body = dict[str, Any]


def canonical(body: bytes) -> Body | None:
    """The request by its meaning; None for what is not a JSON object (the dialect will say so)."""
    try:
        read = _decode(body)
    except BROKEN:
        return None
    if not _is_object(read):
        return None
    return {key: _plain(value) for key, value in read.items() if value is not None and key not in IRRELEVANT}


def _plain(value: Any) -> Any:
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is list:
        return [_message(item) if _is_object(item) else item for item in cast("list[Any]", value)]
    return value


def _message(item: Body) -> Body:
    """A message, tool or part of the first level."""
    if _HINT in item:
        item = {key: value for key, value in item.items() if key != _HINT}
    content = item.get("content")
    if _is_list(content):
        parts = [_without_hint(part) for part in content]
        if (
            len(parts) == 1
            and type(parts[0]) is dict
            and parts[0].keys() == {"type", "text"}
            and parts[0]["type"] == "text"
        ):
            return {**item, "content": parts[0]["text"]}
        return {**item, "content": parts}
    return item


def _without_hint(part: Any) -> Any:
    if _is_object(part) and _HINT in part:
        return {key: value for key, value in part.items() if key != _HINT}
    return part


def _is_object(value: Any) -> TypeGuard[Body]:
    return type(value) is dict


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return type(value) is list


def digest(request: Body, context: bytes) -> bytes:
    """24 bytes over the canonical request and everything else that answers depend on."""
    return hashlib.blake2b(_encode(request) + context, digest_size=DIGEST_BYTES).digest()


@lru_cache(maxsize=4096)
def context_of(*parts: str | bytes) -> bytes:
    """What answers depend on beside the request, as one text in which each part stands with its length."""
    plain = (part if isinstance(part, bytes) else part.encode() for part in parts)
    return b"".join(b"|%d:%b" % (len(part), part) for part in plain)


def is_sampled(request: Body) -> bool:
    """Whether the answer is drawn at random: a temperature above 0, or none given, for which providers take 1."""
    places = [request, *(request[name] for name in _SAMPLING_PLACES if type(request.get(name)) is dict)]
    given = [place["temperature"] for place in places if "temperature" in place]
    return not given or given[0] != 0


def without_question(request: Body) -> tuple[Body, str] | None:
    """The request without the last thing its user said, and that text: what a semantic hit may differ in. None where
    the last message is not the user's, or is more than text."""
    for field, text_of in (("messages", _chat_text), ("input", _chat_text), ("contents", _gemini_text)):
        said = request.get(field)
        if type(said) is str:
            return {key: value for key, value in request.items() if key != field}, said
        if _is_list(said) and said and _is_object(said[-1]) and said[-1].get("role") == "user":
            text = text_of(said[-1])
            return None if text is None else ({**request, field: said[:-1]}, text)
    return None


def _chat_text(message: Body) -> str | None:
    if message.keys() - {"role", "content", "type"}:
        return None
    content = message.get("content")
    return content if isinstance(content, str) else _texts(content, {"type", "text"})


def _gemini_text(message: Body) -> str | None:
    return None if message.keys() - {"role", "parts"} else _texts(message.get("parts"), {"text"})


def _texts(parts: Any, allowed: set[str]) -> str | None:
    if not _is_list(parts) or not parts:
        return None
    found: list[str] = []
    for part in parts:
        if not _is_object(part) or part.keys() - allowed or type(part.get("text")) is not str:
            return None
        found.append(part["text"])
    return "\n".join(found)


class Directives(Struct, frozen=True, kw_only=True):
    """What a client asks of the cache. ``look``: give a stored answer if there is one; ``keep``: store this one;
    ``mode`` and ``ttl_s`` opt in where no policy does; ``max_age_s``: nothing older; ``namespace``: share only with
    requests that name the same (an access list, a tenant)."""

    look: bool = True
    keep: bool = True
    mode: Literal["exact", "semantic"] | None = None
    ttl_s: float | None = None
    max_age_s: float | None = None
    namespace: str = ""


_OPT_IN: dict[str, dict[str, Any]] = {
    "exact": {"mode": "exact"},
    "semantic": {"mode": "semantic"},
    "refresh": {"look": False},
    "no-cache": {"look": False},
    "off": {"look": False, "keep": False},
    "no-store": {"look": False, "keep": False},
}


@lru_cache(maxsize=512)
def directives(ours: bytes | None, standard: bytes | None) -> Directives:
    """From the headers ``trimtab-cache`` and ``cache-control`` (RFC 9111, of which ``no-store``, ``no-cache`` and
    ``max-age`` count). Raises `InvalidRequest` for a word of ours that we do not know."""
    asked: dict[str, Any] = {}
    for word, value in _words(standard):
        if word in ("no-store", "no-cache"):
            asked |= _OPT_IN[word]
        elif word == "max-age" and value.isdecimal():
            asked["max_age_s"] = float(value[:10])
    for word, value in _words(ours):
        if word in _OPT_IN and not value:
            asked |= _OPT_IN[word]
        elif word in ("ttl", "max-age") and value.isdecimal() and len(value) <= 8:
            asked["ttl_s" if word == "ttl" else "max_age_s"] = float(value)
        elif word == "namespace" and value:
            asked["namespace"] = value
        else:
            said = f"{word}={value}" if value else word
            raise InvalidRequest(
                f"The header 'trimtab-cache' says {said[:80]!r}, which is nothing we know.",
                fix="Use exact, semantic, refresh, off, ttl=SECONDS, max-age=SECONDS, namespace=NAME; separate by ';'.",
                code="bad_cache_header",
                param="trimtab-cache",
            )
    return msgspec.convert(asked, Directives)


def _words(header: bytes | None) -> list[tuple[str, str]]:
    if not header:
        return []
    parts = (part.strip() for part in header.decode("utf-8", "replace").replace(";", ",").split(","))
    split = (part.partition("=") for part in parts if part)
    return [(word.strip().lower(), value.strip().strip('"')) for word, _, value in split]
