"""What a foreign span's tokens cost, by the packaged price book: computed here, beside what its emitter reported.

Whose price it is stands in the row: a name of the book's, or `REPORTED` where the book has none and the emitter said
one. The team's own prices reach these rows as they reach all rows of the books, by a re-pricing.
"""

from typing import Final

from trimtab.ledger.prices import PriceBook
from trimtab.ledger.types import Cost
from trimtab.llm.providers import PROVIDER_KINDS, ProviderKind
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


class ForeignPrices:
    """For one thread. The book is loaded by the first span that used tokens."""

    def __init__(self, book: PriceBook | None = None) -> None:
        self._book = book or PriceBook()
        self._kinds: dict[str, ProviderKind] = {}

    def cost(self, span: CanonicalSpan, at_ns: int) -> Cost:
        """Whole picodollars, None where nobody knows. ``at_ns`` is when the span began."""
        if span.usage is None:
            return Cost()
        found = Cost()
        if span.provider:
            found = self._book.cost(
                kind=self._kind(span.provider),
                model=span.model,
                upstream=span.model_used or span.model,
                usage=span.usage,
                at_ns=at_ns,
                override=None,
            )
        if found.amount is None and span.cost_reported is not None:
            return Cost(amount=span.cost_reported, price=REPORTED)
        return found

    def _kind(self, provider: str) -> ProviderKind:
        kind = self._kinds.get(provider)
        if kind is None:
            if len(self._kinds) > 1000:
                self._kinds.clear()
            name = provider.lower()
            known = PROVIDER_KINDS.all().get(name)
            kind = known or ProviderKind(name=name, title=name, dialect="", price_id=_SAME.get(name, name))
            self._kinds[provider] = kind
        return kind
