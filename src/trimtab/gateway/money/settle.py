"""What an attempt used and what that costs, whatever ended it.

The provider's own count is taken where it gave one. Where it gave none although the model wrote something (a stream
that was cancelled or cut, a server that reports no usage) both sides are estimated from the text and marked so: a
cancelled stream is never written down as free.
"""

import re
from typing import Protocol

from msgspec.structs import replace

from trimtab.core.errors import TrimtabError
from trimtab.gateway.call import Call
from trimtab.gateway.targets import tier_for
from trimtab.gateway.tried import Try
from trimtab.ledger.estimate import estimate_tokens
from trimtab.ledger.prices import Dated
from trimtab.ledger.types import Cost, PriceOverride
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.llm.dialects.openai_responses.hot import in_background
from trimtab.llm.dialects.openai_responses.items import NAME as RESPONSES
from trimtab.llm.fold import fold
from trimtab.llm.providers import PROVIDER_KINDS, ProviderKind
from trimtab.llm.tiers import AUTO, tier_of
from trimtab.llm.types import MOST_TOKENS, Message, Part, Reasoning, Refusal, Text, ToolCall, ToolResult, Usage

GOOGLE_TIER = "x-gemini-service-tier"
"""https://ai.google.dev/gemini-api/docs/priority-inference"""
ANTHROPIC = "anthropic_messages"
SERVICE = "service_tier"
_SERVICE_TOO = ("serviceTier", "trafficType")
_PLACES = {"fast": "speed", "us": "inference_geo", "eu": "inference_geo"}
"""Where Anthropic tells words that are about something else than the service."""
_SAID = re.compile(rb'"(service_tier|serviceTier|trafficType|speed|inference_geo)"\s*:\s*"([A-Za-z_]{1,32})"')
"""In JSON; within a text its quotes would be escaped."""
UNSAID = ("", "unknown")
"""``stop`` of an answer that never came to its stop reason: what was told of its output so far is no final count."""


class Prices(Protocol):
    """What settling needs of `ledger.prices.PriceBook`."""

    def cost(
        self,
        *,
        kind: ProviderKind,
        model: str,
        upstream: str,
        usage: Usage,
        at_ns: int,
        override: PriceOverride | None,
        dated: Dated | None = None,
    ) -> Cost: ...


def settle(call: Call, attempt: Try, prices: Prices) -> None:
    """Fill in the attempt's usage (estimated where it must be) and cost."""
    if call.head.tier:
        attempt.tier_asked = tier_for(attempt.target.provider, call.front, call.head.tier)
    drop_unbelievable(call, attempt)
    broken_off = attempt.outcome != "answer" or attempt.cut_off
    if attempt.usage is None or (broken_off and attempt.stop in UNSAID):
        attempt.usage = _estimate(call, attempt) or attempt.usage
    usage = attempt.usage
    if usage is None:
        return
    if (usage.estimated or not usage.tier) and (tier := _tier(attempt, usage)) != usage.tier:
        usage = attempt.usage = replace(usage, tier=tier)
    model = attempt.target.model
    attempt.cost = prices.cost(
        kind=PROVIDER_KINDS.get(attempt.target.provider.kind),
        model=model.name,
        upstream=model.upstream,
        usage=usage,
        at_ns=attempt.started_ns,
        override=model.price,
        dated=attempt.target.provider.prices,
    )


def drop_unbelievable(call: Call, attempt: Try) -> None:
    """A provider that tells more than any call can use tells nothing. What passes through may be the sum of a batch."""
    if attempt.usage is not None and attempt.usage.total() > MOST_TOKENS and call.front.operation != "passthrough":
        attempt.usage = None


def _tier(attempt: Try, usage: Usage) -> str:
    """The tier where the usage does not say it. Google also tells it in a header; what was cut off may have said it
    before its usage came, and of what it did not say, all that is known is what was asked for."""
    if attempt.headers and (told := attempt.headers.get(GOOGLE_TIER)):
        return tier_of(told)
    if not usage.estimated:
        return usage.tier
    places = _PLACES if attempt.dialect is not None and attempt.dialect.name == ANTHROPIC else {}
    said: dict[str, str] = {}
    for name, value in _SAID.findall(attempt.received()):
        place = name.decode()
        if value != b"auto" and (place == SERVICE or place in places.values()):
            said[place] = value.decode()
        elif place in _SERVICE_TOO:
            said[SERVICE] = value.decode()
    asked = [word for word in attempt.tier_asked.split("+") if word != AUTO]
    unsaid = (word for word in asked if places.get(word, SERVICE) not in said)
    return tier_of(*usage.tier.split("+"), *said.values(), *unsaid)


def _estimate(call: Call, attempt: Try) -> Usage | None:
    """Tokens counted from the text, beside what the provider told until it was cut. None where it told no less, or
    wrote nothing (then nothing was used as far as we know)."""
    if call.front.operation == "passthrough":
        return None  # of images and audio no text tells what they took
    if not attempt.chunks or attempt.status != 200:
        return _unread(call) if _was_asked(attempt) else None
    dialect = attempt.dialect or DIALECTS.get(attempt.target.provider.dialect)
    if dialect is call.front and dialect.name == RESPONSES and in_background(call.body):
        return None  # it goes on without us: what was written until now says nothing of what it comes to
    if call.front.operation == "embeddings" and attempt.usage is None:
        return _unread(call)  # it writes nothing; what it read is all that it used
    written = _written(dialect, attempt.received(), stream=call.head.stream)
    if not written:
        return _unread(call) if _was_asked(attempt) else None
    output = estimate_tokens(written)
    told = attempt.usage
    if told is None:
        return Usage(input=estimate_tokens(_asked(call)), output=output, estimated=True)
    if told.output + told.reasoning >= output:
        return None
    read = told.input or (0 if told.cache_read or told.cache_write else estimate_tokens(_asked(call)))
    return replace(told, input=read, output=output - told.reasoning, estimated=True, charged=None)


def _was_asked(attempt: Try) -> bool:
    """Whether a provider may have read the question although nothing came of it: the client left, a hedge won, or we
    gave up waiting. Who refuses, or cannot be reached, charges nothing."""
    if attempt.cut_off or attempt.outcome == "cancel":
        return True
    code = "" if attempt.fault is None else attempt.fault.code
    return code.startswith("upstream_timeout_") and code != "upstream_timeout_connect"


def _unread(call: Call) -> Usage:
    """Of an attempt that was cut off before it wrote a word: the provider has read the question all the same."""
    return Usage(input=estimate_tokens(_asked(call)), estimated=True)


def _written(dialect: Dialect, received: bytes, *, stream: bool) -> str:
    try:
        if not stream:
            return _text(dialect.parse_response(received).parts)
        decoder = dialect.stream_decoder()
        return _text(fold([*decoder.feed(received), *decoder.close()]).parts)
    except TrimtabError:
        return received.decode("utf-8", "replace")


def _asked(call: Call) -> str:
    try:
        messages: tuple[Message, ...] = call.front.parse_request(call.body).messages
    except TrimtabError:
        return call.body.decode("utf-8", "replace")
    return "\n".join(_text(message.parts) for message in messages)


def _text(parts: tuple[Part, ...]) -> str:
    found: list[str] = []
    for part in parts:
        match part:
            case Text() | Reasoning() | Refusal():
                found.append(part.text)
            case ToolCall():
                found.append(part.name + part.arguments)
            case ToolResult():
                found.append(_text(part.parts))
            case _:
                pass
    return "\n".join(found)
