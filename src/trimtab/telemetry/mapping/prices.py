"""What a foreign span's tokens cost, by the team's own dated prices and the packaged price book: computed here, beside
what its emitter reported, as it comes in, whenever its rows are made anew, and by a re-pricing.

Whose price it is stands in the row: a dated price of the project, a name of the book's, or `REPORTED` where neither has
one and the emitter said one. A span that names no provider (Langfuse's have no word for it) has what its emitter
reported, else the list price of whoever makes models of that name, or hosts them under it.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol

from trimtab.ledger.overrides import DatedPrice, PriceList
from trimtab.ledger.prices import Dated, PriceBook
from trimtab.ledger.types import Cost, PriceOverride
from trimtab.llm.providers import PROVIDER_KINDS, ProviderKind
from trimtab.llm.types import Usage
from trimtab.telemetry.canonical import CanonicalSpan

REPORTED: Final = "reported"

_SAME: Final = {
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "bedrock": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure_openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "vertex_ai": "google",
    "google_genai": "google",
    "gemini": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "x_ai": "x-ai",
    "xai": "x-ai",
}
"""Names of https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/ and of instrumentations, and the
price book's id for each."""

_BEDROCK: Final = re.compile(
    r"(?:[a-z]{2,6}(?:-gov)?\.)?(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen|writer)\.[a-z]"
)
"""Ids of Bedrock's models and inference profiles name whose they are, after a region if any:
https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html"""


class Book(Protocol):
    """What this needs of `ledger.prices.PriceBook`."""

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

    def maker(self, model: str) -> str: ...


_MOST: Final = 1_000
"""Names of providers, and of models, that are remembered: they come from outside."""


class ForeignPrices:
    """For one thread. ``dated`` gives a project's own prices, the same tuple while they do not change. The book is
    loaded by the first span that used tokens."""

    def __init__(self, dated: Callable[[str], tuple[DatedPrice, ...]] | None = None, book: Book | None = None) -> None:
        self._dated = dated or _none
        self._book = book or PriceBook()
        self._kinds: dict[str, ProviderKind] = {}
        self._makers: dict[str, str] = {}
        self._lists: dict[tuple[str, str], tuple[tuple[DatedPrice, ...], tuple[PriceList, ...]]] = {}

    def cost(self, project: str, span: CanonicalSpan, at_ns: int) -> Cost:
        """Whole picodollars, None where nobody knows. ``at_ns`` is when the span began."""
        if span.usage is None:
            return Cost()
        models = (span.model, span.model_used)
        return self.of(project, span.provider, models, span.usage, at_ns, span.cost_reported)

    def of(
        self, project: str, provider: str, models: tuple[str, str], usage: Usage, at_ns: int,
        reported: int | None = None,
    ) -> Cost:  # fmt: skip
        """The same by the names that a row of the books has. ``models``: what was asked for, and what answered."""
        asked, used = models
        told = Cost() if reported is None else Cost(amount=reported, price=REPORTED)
        if rows := self._dated(project):
            for own in self._own(project, provider, rows):
                card = own.card(asked, at_ns, usage.tier) or own.card(used, at_ns, usage.tier)
                if card is not None:
                    return card.cost(usage)
        whose = provider or ("" if reported is not None else self._maker(used or asked))
        if not whose:
            return told
        found = self._book.cost(
            kind=self._kind(whose), model=asked, upstream=used or asked, usage=usage, at_ns=at_ns, override=None
        )
        return told if found.amount is None else found

    def _maker(self, model: str) -> str:
        found = self._makers.get(model)
        if found is None:
            if len(self._makers) >= _MOST:
                self._makers.clear()
            found = self._makers[model] = "aws" if _BEDROCK.match(model.lower()) else self._book.maker(model)
        return found

    def _own(self, project: str, provider: str, rows: tuple[DatedPrice, ...]) -> tuple[PriceList, ...]:
        """The project's prices for a provider, under the name that the span gives, else under the book's name of it."""
        known = self._lists.get((project, provider))
        if known is None or known[0] is not rows:
            if len(self._lists) >= _MOST:
                self._lists.clear()
            listed = list(rows)
            names = dict.fromkeys((provider, self._kind(provider).price_id)) if provider else (provider,)
            found = (PriceList.of(name, listed) for name in names)
            known = self._lists[project, provider] = (rows, tuple(each for each in found if each is not None))
        return known[1]

    def _kind(self, provider: str) -> ProviderKind:
        kind = self._kinds.get(provider)
        if kind is None:
            if len(self._kinds) >= _MOST:
                self._kinds.clear()
            name = provider.lower()
            known = PROVIDER_KINDS.all().get(name)
            kind = known or ProviderKind(name=name, title=name, dialect="", price_id=_SAME.get(name, name))
            self._kinds[provider] = kind
        return kind


def _none(_: str) -> tuple[DatedPrice, ...]:
    return ()
