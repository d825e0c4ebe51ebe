"""How large a call that passes through may become: what limits reserve for it before it is sent.

Of text the bound is its bytes, as everywhere (`ledger/worst.py`). Pictures and sound are bounded by what the vendor
says they count: https://platform.openai.com/docs/guides/image-generation (tokens by quality and size),
https://platform.openai.com/docs/guides/speech-to-text and /text-to-speech.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from trimtab.ledger.types import PriceOverride
from trimtab.ledger.worst import most_input
from trimtab.llm.dialects._reading import BROKEN, choices_of

PICTURE = {"low": 900, "medium": 3_300}
"""Output tokens of the largest picture of a quality; what names none, or a better one, counts as `BEST_PICTURE`."""
BEST_PICTURE = 13_000
PICTURES_1 = {"low": 408, "medium": 1_584}
BEST_PICTURE_1 = 6_240
"""The same of the models ``gpt-image-1…``, whose sizes are fewer."""
PREVIEW = 100
"""Output tokens of each partial picture that is streamed."""
SENT_PICTURE = 6_240
"""Input tokens of a picture that is sent, at the highest fidelity."""
MOST_SENT = 16
BYTES_PER_SENT = 64 * 1024
"""A form is taken to hold a picture for every so many of its bytes, and no more than `MOST_SENT`."""
SOUND_BYTES_PER_TOKEN = 40
"""Some 17 tokens a second, at the least bit rate at which speech is sent (6 kbit/s)."""
MOST_HEARD = 32_000
"""Above what 25 minutes of sound count, which is all that is taken."""
SPOKEN = 8
"""Output tokens of speech per byte of its text: twenty a second, spoken at a quarter of the usual speed."""


class Size(Struct, frozen=True, kw_only=True):
    """The most a call can have. ``output`` is of each of its ``choices``; None: as much as a limit reckons with, which
    also comes ``open`` times to it. ``model`` is what its provider works with, where that is not the call's own, with
    the ``price`` that is set on it, and ``tier`` the service tier that it is sure to work in; ``also`` are further
    models with theirs, each of which may be what all of it costs. ``longest`` is the most input that any one of its
    calls has, where it is several, and ``searches`` how often they may search the web."""

    input: int = 0
    output: int | None = 0
    choices: int = 1
    open: int = 0
    model: str = ""
    tier: str = ""
    price: PriceOverride | None = None
    also: tuple[tuple[str, PriceOverride | None], ...] = ()
    longest: int = 0
    searches: int = 0

    def times(self, other: "Size") -> int:
        """How often ``other`` must be set aside to cover this, whatever its input and output cost."""
        written, covered = (self.output or 0) * self.choices, (other.output or 0) * other.choices
        return max(math.ceil(self.input / max(1, other.input)), math.ceil(written / max(1, covered)), 1)


class _Wished(Struct):
    """What a form or a body wishes for. A null says nothing, as where a field is left out."""

    n: int | None = None
    quality: str | None = None
    partial_images: int | None = None


WISHES = frozenset(_Wished.__struct_fields__)
"""Fields of a form that change how large its call may become."""


class _Body(Struct):
    """The same as they stand in a body, of whatever type."""

    n: Any = None
    quality: Any = None
    partial_images: Any = None


_read = msgspec.json.Decoder(_Body).decode


def size_of(rest: str, model: str, body: bytes, form: Sequence[tuple[str, str]], length: int | None) -> Size:
    """``rest`` is the path behind ``/v1`` of a call that makes its provider work. ``body`` is its JSON; empty of a
    form, of which ``form`` has the fields seen so far, and whose ``length`` is None where nobody says it."""
    if rest.startswith("/images"):
        wished = _wishes(body) if body else _wished_in(form)
        per = _picture(model, wished)
        return Size(input=most_input(body) + _pictures(body, length), output=per, choices=max(1, wished.n or 1))
    if rest == "/audio/speech":
        return Size(input=len(body), output=SPOKEN * len(body))
    if rest.startswith("/audio"):
        heard = MOST_HEARD if length is None else min(MOST_HEARD, length // SOUND_BYTES_PER_TOKEN)
        return Size(input=heard + len(body), output=None)
    return Size()


def _wishes(body: bytes) -> _Wished:
    """As the most lenient provider takes it: one field that makes no sense says nothing of the others."""
    try:
        said = _read(body)
    except BROKEN:
        return _Wished()  # nonsense, which the provider refuses
    quality = said.quality if isinstance(said.quality, str) else None
    return _Wished(n=_many(said.n), quality=quality, partial_images=_many(said.partial_images))


def _many(told: Any) -> int | None:
    return None if told in (None, 0, "0") else choices_of(told)


def _wished_in(form: Sequence[tuple[str, str]]) -> _Wished:
    """The most of what a form says, which may say a field twice: nobody knows which one its provider takes."""

    def most(field: str) -> int | None:
        return max((_many(told) or 0 for name, told in form if name == field), default=None)

    qualities = {told for name, told in form if name == "quality"}
    quality = qualities.pop() if len(qualities) == 1 else None
    return _Wished(n=most("n"), quality=quality, partial_images=most("partial_images"))


def _picture(model: str, wished: _Wished) -> int:
    first = model.startswith("gpt-image-1")
    by_quality, best = (PICTURES_1, BEST_PICTURE_1) if first else (PICTURE, BEST_PICTURE)
    return by_quality.get(wished.quality or "", best) + PREVIEW * max(0, wished.partial_images or 0)


def _pictures(body: bytes, length: int | None) -> int:
    """Input tokens of the pictures in a form."""
    if body:
        return 0
    return SENT_PICTURE * (MOST_SENT if length is None else min(MOST_SENT, 1 + length // BYTES_PER_SENT))
