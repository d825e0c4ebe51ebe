"""What a provider takes for a call in another than its standard tier, where the packaged book has no row for it.

The book (genai-prices) has rows of its own for OpenAI's flex and priority, Anthropic's fast mode, and batches of most;
they come first. What vendors tell as a share of the standard price stands here. Whatever is in neither is priced at
the standard rates, and the name of its price says so: it ends with ``=standard``.

Sources, read on 2026-11-22:

- Anthropic, ``inference_geo: us``: 1.1 times each kind of token, of Claude Opus 4.6, Sonnet 4.6 and later (earlier
  models refuse it), on top of fast mode and batches: https://platform.claude.com/docs/en/api/service-tiers
- Anthropic, batches: half of everything: https://platform.claude.com/docs/en/build-with-claude/batch-processing
- OpenAI, batches: half, and flex at the rates of batches: https://developers.openai.com/api/docs/guides/flex-processing
- OpenAI, responses made in the background within two hours or eight (``background_options.completion_window``): 30 and
  40 % below the standard rates of tokens: https://developers.openai.com/api/docs/guides/background
- OpenAI, ultrafast: six times the standard rates of each kind of token, of each model that has it:
  https://developers.openai.com/api/docs/guides/ultrafast-mode,
  https://vercel.com/changelog/openai-ultrafast-mode-now-available-on-ai-gateway (GPT-6 Astra) and, of GPT-6.1 Sol,
  https://docs.venice.ai/models/gpt-6-1-sol-ultrafast (read on 2026-11-23)
- Google, flex: half; batches: half; priority: 75 to 100 % more, which is no price, but a bound:
  https://ai.google.dev/gemini-api/docs/optimization, and flex of Vertex AI: half,
  https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/deploy/flex-paygo
- AWS, batches: half: https://docs.aws.amazon.com/bedrock/latest/userguide/capacity-limits-cost-optimization.html
  (of flex and priority it tells prices by model only)
- Groq, flex: as on demand: https://console.groq.com/docs/flex-processing
"""

import re
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations
from typing import Any, Final, cast

from trimtab.llm.tiers import AUTO, BATCH, OVER

_HALF: Final = Fraction(1, 2)
FACTORS: Final[dict[tuple[str, str], Fraction]] = {
    ("anthropic", "us"): Fraction(11, 10),
    ("anthropic", "batch"): _HALF,
    ("openai", "batch"): _HALF,
    ("openai", "flex"): _HALF,
    ("openai", "ultrafast"): Fraction(6),
    ("openai", "background-2h"): Fraction(7, 10),
    ("openai", "background-8h"): Fraction(6, 10),
    ("google", "flex"): _HALF,
    ("google", "batch"): _HALF,
    ("aws", "batch"): _HALF,
    ("groq", "flex"): Fraction(1),
}
"""By the price book's id of the provider, and the word of the tier: how many times the standard price."""
BOUNDS: Final[dict[tuple[str, str], Fraction]] = {("google", "priority"): Fraction(2)}
"""Where a vendor tells only how much dearer a tier is at most: what a limit reserves by."""
STANDARD: Final = "=standard"
"""How the name of a price ends that is the standard one because nobody knows the tier's."""
_BOOK: Final = {"batch": ("processing",), "fast": ("speed", "service_tier")}
"""What the book calls that which our word is about; of any other it is the service tier."""
_WORDS_AT_ONCE: Final = 3
_FAST: Final = "fast"
_ANSWERED: Final = "priority"
"""What OpenAI's answers call what was asked for as ``fast``."""
NAMES: Final = ("service_tier", "speed", "processing")
"""What the book calls what our words are about."""


def words_of(tier: str) -> tuple[str, ...]:
    return tuple(tier.split("+")) if tier else ()


def of_calls(tier: str) -> tuple[str, int | None]:
    """Of a batch's tier, which is booked as the sum of its calls: the tier by itself, and the least input that each of
    them has, by which its price goes. None for what is no batch's, whose own input says it."""
    words = words_of(tier)
    if BATCH not in words:
        return tier, None
    lengths = [word.removeprefix(OVER).removesuffix("k") for word in words if word.startswith(OVER)]
    least = max((int(length) * 1000 + 1 for length in lengths if length.isdigit()), default=0)
    return "+".join(word for word in words if not word.startswith(OVER)), least


def context_of(words: Iterable[str]) -> dict[str, str]:
    """The words as the book asks for them (``PriceContext``)."""
    return {name: word for word in words for name in _BOOK.get(word, ("service_tier",))}


def in_book(variants: Iterable[Any], words: tuple[str, ...], at: Any) -> set[str]:
    """Which of the words a model of the book has rows for at that moment, among its ``price_variants``."""
    context = context_of(words)
    found: set[str] = set()
    for variant in variants:
        when = cast("dict[str, str]", variant.when)
        active = variant.constraint is None or variant.constraint.active(at)
        if active and when and all(context.get(name) == value for name, value in when.items()):
            found |= set(when.values())
    return found & set(words)


def offered(variants: Iterable[Any], at: Any, names: tuple[str, ...]) -> list[str]:
    """The tiers that a model of the book has a price for at that moment; ``names`` are what the book calls them."""
    found: list[str] = []
    for variant in variants:
        when = cast("dict[str, str]", variant.when)
        word = next((when[name] for name in names if name in when), "")
        priced = any(price is not None for price in cast("dict[str, Any]", vars(variant.prices)).values())
        active = variant.constraint is None or variant.constraint.active(at)
        if len(when) == 1 and word and priced and active and word not in found:
            found.append(word)
    return found


def factor_of(price_id: str, words: Iterable[str], factors: dict[tuple[str, str], Fraction]) -> tuple[Fraction, bool]:
    """How many times the price of the rest these words make it, and whether that is known of all of them."""
    factor, known = Fraction(1), True
    for word in words:
        times = factors.get((price_id, word))
        known = known and times is not None
        factor *= times or 1
    return factor, known


def label(tier: str, factor: Fraction = Fraction(1), *, known: bool) -> str:
    """What the name of a price says of the tier: ``@fast+us*1.1``, ``@flex``, ``@scale=standard``."""
    if not tier:
        return ""
    times = "" if factor == 1 else f"*{float(factor):g}"
    return f"@{tier}{times}{'' if known else STANDARD}"


_LABEL: Final = re.compile(r"@([a-z0-9_.+-]{1,64})(?:\*[0-9.e+-]+)?(?:=standard)?")


def tier_in(price: str) -> str:
    """The tier that the name of a price says; the opposite of `label`."""
    found = _LABEL.fullmatch(price[price.rfind("@") :]) if "@" in price else None
    return "" if found is None else found[1]


def may_come(asked: str, offers: Iterable[str]) -> tuple[str, ...]:
    """In which tiers a call may be worked on that asked for these: in the standard one, in what was asked for or a part
    of it; of ``auto``, in any that there is."""
    words = words_of(asked)[:_WORDS_AT_ONCE]
    if BATCH in words:
        return (asked,)  # a batch is one whatever else it is
    if AUTO in words:
        rest = tuple(word for word in words if word != AUTO)
        words_each = [(*rest, offer) for offer in offers if offer not in rest] or [rest]
    else:
        words_each = [words]
        if _FAST in words:
            words_each.append(tuple(_ANSWERED if word == _FAST else word for word in words))
    found = {
        "+".join(sorted(some))
        for each in words_each
        for many in range(len(each) + 1)
        for some in combinations(each, many)
    }
    return tuple(sorted(found))
