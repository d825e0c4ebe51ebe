"""What a call may cost at most, before it is made: from how many tokens it can have and the dearest rates of its row.

Input is bounded by the body: a token of text is at least one byte of it (tokenizers split bytes, never the reverse; the
few tokens that mark a message are paid for by the JSON around it). Pictures and files are counted apart, because their
tokens have nothing to do with their bytes. Output is bounded by the caller's bound on it, or by what we send as one.
"""

import re
from collections.abc import Sequence
from math import lcm
from typing import Any, Protocol, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trimtab.ledger.prices import Card

IMAGE_TOKENS = 5_000
"""What a picture counts as: above OpenAI's 1,445 of GPT-4o, Anthropic's 4,784 and Gemini's 2,240 at their highest
detail. GPT-4o mini counts a large picture as up to 48,169, far more: the overdraft is then on the record."""
FILE_BYTES_PER_TOKEN = 4
"""Base64 characters of a document or a sound for one token of it."""
_MEDIA = re.compile(
    rb'"(?:url|image_url|file_data|data)"\s*:\s*'
    rb'"(?:data:[a-z]+\\?/[^;"\\]{1,100};base64,)?[A-Za-z0-9+/=_\\-]{1024,}"'
)
"""Only as the value of a member that holds media: a user's own words cannot get there. PHP writes ``/`` as ``\\/``."""
_PICTURE = re.compile(
    rb'"(?:(?:image_url|inline_?[dD]ata|file_id|file_url)"\s*:|file_?[dD]ata"\s*:\s*\{'
    rb'|(type"\s*:\s*"(?:(?:input_)?image(?:_url)?|document)")|(source"\s*:))'
)
"""One quote begins all of it, so that megabytes of a picture are passed over at once."""
_NAMED = (b"image", b"inline", b"fileData", b"file_data", b"file_id", b"file_url", b"document")
_LETTER = re.compile(rb"\\u00([46][1-9a-fA-F]|[57][0-9aA]|5[fF])")
"""A letter or underscore written as its number: no quote, which .NET writes so in a user's own words."""
_LETTERS = (b"\\u004", b"\\u005", b"\\u006", b"\\u007")
OPEN_SEARCHES = 10
"""Searches of the web that a call is taken to make at most where it bounds them by nothing."""
MOST_SEARCHES = 1000
_TYPED_SEARCH = re.compile(r"web_search(?:_preview)?(?:_20[0-9_]+)?")
_NAMED_SEARCH = re.compile(r"google_?[sS]earch(?:_retrieval|Retrieval)?|enterprise_?[wW]eb_?[sS]earch")
"""A provider's own tool for it, of Anthropic's and OpenAI's dialects, and of Google's."""


class _Asked(Struct):
    tools: Any = None
    max_tool_calls: Any = None
    web_search_options: Any = None


_asked = msgspec.json.Decoder(_Asked).decode


class Worst(Struct, frozen=True):
    """The dearest rates of one price row. ``tiers``: (input tokens above which it may hold, dearest input rate, dearest
    output rate up to there), highest first; picodollars times ``scale``. ``per_search`` is what one of the provider's
    own searches of the web costs; it is in ``fixed`` of a call that may make some (`searching`)."""

    tiers: tuple[tuple[int, int, int], ...]
    fixed: int
    scale: int
    per_search: int = 0

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Picodollars, never less than what such a call can cost."""
        for above, per_input, per_output in self.tiers:
            if input_tokens > above:
                total = input_tokens * per_input + output_tokens * per_output + self.fixed
                return total if self.scale == 1 else -(-total // self.scale)
        return 0


FREE = Worst(((-1, 0, 0),), 0, 1)


class _Rates(Protocol):
    @property
    def input(self) -> int | None: ...
    @property
    def cache_read(self) -> int | None: ...
    @property
    def cache_write(self) -> int | None: ...
    @property
    def cache_write_1h(self) -> int | None: ...
    @property
    def output(self) -> int | None: ...
    @property
    def reasoning(self) -> int | None: ...
    @property
    def audio_input(self) -> int | None: ...
    @property
    def audio_output(self) -> int | None: ...
    @property
    def image_input(self) -> int | None: ...
    @property
    def image_output(self) -> int | None: ...
    @property
    def cache_audio(self) -> int | None: ...
    @property
    def cache_image(self) -> int | None: ...


def worst_of(card: Card) -> Worst | None:
    """None where the row says nothing of input or output: then a call's cost may be unknown."""
    tiers: list[tuple[int, int, int]] = []
    dearest_in = dearest_out = 0
    for above, rates in reversed(card.tiers):
        per_input, per_output = _dearest_input(rates), _dearest_output(rates)
        if per_input is None:
            return None
        dearest_in = max(dearest_in, per_input)
        dearest_out = max(dearest_out, per_output or 0)  # a row for embeddings has no output
        tiers.append((above, dearest_in, dearest_out))
    fixed, per_search = card.per_request + card.per_image, card.per_search or 0
    if not dearest_in and not dearest_out:  # a ranking by its searches, of which it has one at least
        fixed, per_search = fixed + per_search, 0
    return Worst(tuple(reversed(tiers)), fixed, card.scale, per_search)


def searching(worst: Worst, count: int) -> Worst:
    """The same of a call that may search so often."""
    return replace(worst, fixed=worst.fixed + count * worst.per_search, per_search=0)


def by_length(worst: Worst, longest: int) -> Worst:
    """The same of several calls together, none of which has more input than that: what many short ones come to is no
    long one."""
    into, out = _from(worst, longest - 1, worst.scale)
    return replace(worst, tiers=((-1, into, out),))


def dearest(worsts: Sequence[Worst | None]) -> Worst | None:
    """What a call may cost at most by any of these rows; None where one of them is not known."""
    known = [worst for worst in worsts if worst is not None]
    if len(known) < len(worsts) or len(known) == 1:
        return known[0] if len(known) == len(worsts) else None
    scale = lcm(*(worst.scale for worst in known))
    starts = sorted({above for worst in known for above, _, _ in worst.tiers}, reverse=True)
    tiers: list[tuple[int, int, int]] = []
    for start in starts:
        rates = [_from(worst, start, scale) for worst in known]
        tiers.append((start, max(into for into, _ in rates), max(out for _, out in rates)))
    fixed, search = (
        max(getattr(worst, name) * (scale // worst.scale) for worst in known) for name in ("fixed", "per_search")
    )
    return Worst(tuple(tiers), fixed, scale, search)


def _from(worst: Worst, start: int, scale: int) -> tuple[int, int]:
    """Its rates for input above ``start``, at another scale."""
    times = scale // worst.scale
    _, into, out = next(tier for tier in worst.tiers if start >= tier[0])
    return into * times, out * times


def _dearest_input(rates: _Rates) -> int | None:
    if rates.input is None:
        return None
    others = (
        rates.cache_read, rates.cache_write, rates.cache_write_1h, rates.audio_input, rates.image_input,
        rates.cache_audio, rates.cache_image,
    )  # fmt: skip
    return max(rates.input, *(rate for rate in others if rate is not None))


def _dearest_output(rates: _Rates) -> int | None:
    each = (rates.output, rates.reasoning, rates.audio_output, rates.image_output)
    known = [rate for rate in each if rate is not None]
    return max(known, default=None)


def most_input(body: bytes, *, typed: bool = True) -> int:
    """How many input tokens a request's body can be at most. A plain question costs one look for ``"type"``, which
    every part that is not text has; ``typed`` is false for Gemini's dialect, where media are called data instead."""
    if (b'"type"' if typed else b'ata"') not in body and not (b"\\u00" in body and _has_letters(body)):
        return len(body)
    return _with_media(body)


def most_searches(body: bytes) -> int:
    """How often a provider's own tool may search the web for a call, by what its request says. Nobody knows it
    beforehand of one that sets no bound (Anthropic's ``max_uses`` of that tool, OpenAI's ``max_tool_calls``): that is
    `OPEN_SEARCHES`."""
    if b"earch" not in body and b"\\u00" not in body:  # a letter may be written as its number
        return 0
    try:
        asked = _asked(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # its provider will say what is wrong with it
        return 0
    tools = cast("list[Any]", asked.tools) if isinstance(asked.tools, list) else []
    count = sum(_searches_of(cast("dict[str, Any]", tool)) for tool in tools if isinstance(tool, dict))
    if not count:
        return int(asked.web_search_options is not None)
    bound = _whole(asked.max_tool_calls)
    return min(count, MOST_SEARCHES, MOST_SEARCHES if bound is None else bound)


def _searches_of(tool: dict[str, Any]) -> int:
    kind = tool.get("type")
    if not (isinstance(kind, str) and _TYPED_SEARCH.fullmatch(kind)):
        return OPEN_SEARCHES if any(_NAMED_SEARCH.fullmatch(name) for name in tool) else 0
    bound = _whole(tool.get("max_uses"))
    return OPEN_SEARCHES if bound is None else bound


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _with_media(body: bytes) -> int:
    size = len(body)
    if size > 2048 and (b"base64" in body or b"inline" in body or b"_audio" in body):
        media = sum(match.end() - match.start() for match in _MEDIA.finditer(body))
        size -= media
        if b"image" not in body or b"audio" in body or b"file" in body or b"pdf" in body:
            size += media // FILE_BYTES_PER_TOKEN
    return size + IMAGE_TOKENS * _pictures(body)


def _pictures(body: bytes) -> int:
    """How many pictures it has, by the members that hold them and by the parts' types, however they are written: with
    blanks before the colon (Java's), or a letter as its number. A file that the call only names is one at least."""
    if b"\\u00" in body and _has_letters(body):
        body = _LETTER.sub(lambda found: bytes([int(found[1], 16)]), body)
    if not any(name in body for name in _NAMED):
        return 0
    found = [match.lastindex for match in _PICTURE.finditer(body)]
    members, types, sources = found.count(None), found.count(1), found.count(2)
    if b"image" in body:  # else it is the name of anything
        members += sources
    return max(members, types, int(b'"image' in body or b'_image"' in body))


def _has_letters(body: bytes) -> bool:
    return any(start in body for start in _LETTERS)
