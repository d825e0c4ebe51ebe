"""What a model name may mean: providers and models, as the data plane holds them in its snapshot."""

from msgspec import Struct

from trimtab.core.errors import Unsupported
from trimtab.gateway.policy import Policy
from trimtab.ledger.overrides import PriceList
from trimtab.ledger.types import PriceOverride
from trimtab.llm.dialects import DIALECTS, Dialect, Quirks
from trimtab.llm.providers import PROVIDER_KINDS


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds. ``first_token`` runs from the request being sent to the first byte of the answer; ``idle`` between two
    reads of it; ``total`` over one attempt."""

    connect: float = 5.0
    first_token: float = 120.0
    idle: float = 60.0
    total: float = 600.0


class Provider(Struct, frozen=True, kw_only=True):
    """Somewhere calls go. ``api_key`` is in the clear in memory only; ``api_keys`` are all of them where there are
    several, in use in turn. ``kind`` names a file of `llm/providers/`, and ``options`` are what that kind asks for
    besides (a region, an API version, further credentials). ``resilience`` is None where nobody has set it."""

    name: str
    kind: str
    dialect: str
    base_url: str
    api_key: str | None = None
    api_keys: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    options: dict[str, str] = {}
    timeouts: Timeouts = Timeouts()
    quirks: Quirks = Quirks()
    prices: PriceList | None = None
    """The project's dated prices that can hold here; None where there are none."""
    resilience: Policy | None = None

    def __repr__(self) -> str:
        return f"Provider({self.name!r}, kind={self.kind!r}, base_url={self.base_url!r})"


class Model(Struct, frozen=True, kw_only=True):
    """A name clients may call. ``upstream`` is the provider's own id for it; ``fallback`` names further models of this
    project, tried in order until one begins to answer. ``capabilities`` is what its card says it can do
    (`gateway/cards.py`); None where it has never been tried."""

    name: str
    provider: str
    upstream: str
    fallback: tuple[str, ...] = ()
    price: PriceOverride | None = None
    capabilities: frozenset[str] | None = None
    resilience: Policy | None = None


class ProjectTargets(Struct, frozen=True, kw_only=True):
    """Everything one project may call, by name."""

    providers: dict[str, Provider] = {}
    models: dict[str, Model] = {}


def dialect_for(provider: Provider, front: Dialect) -> Dialect:
    """What to speak with a provider for a client's call: the client's own dialect where the provider speaks that too.
    Raises `Unsupported` where it has no such calls."""
    known = _spoken.get((provider.kind, provider.dialect, front))
    if known is None:
        known = _spoken[provider.kind, provider.dialect, front] = _find_dialect(provider, front)
    return known


def tier_for(provider: Provider, front: Dialect, asked: str) -> str:
    """In which service tier a provider is asked to work, of a call that asks for ``asked`` (`llm.tiers`): in that one
    where it speaks the client's dialect, or has one that means the same (`Quirks.tiers`); elsewhere it is left out."""
    if not asked or asked in provider.quirks.tiers or dialect_for(provider, front) is front:
        return asked
    return ""


_spoken: dict[tuple[str, str, Dialect], Dialect] = {}
"""By kind, declared dialect and front: there are some dozens of each of the first, and a handful of the others."""


def _find_dialect(provider: Provider, front: Dialect) -> Dialect:
    operation = front.operation
    if operation == "chat":
        also = PROVIDER_KINDS.get(provider.kind).also
        return front if front.name in also else DIALECTS.get(provider.dialect)
    name = PROVIDER_KINDS.get(provider.kind).operations.get(operation)
    if name is None:
        raise Unsupported(
            f"The provider {provider.name!r} ({provider.kind}) has no {operation}.",
            fix=f"Call a model of a provider that has {operation}.",
            code="operation_unsupported",
            param="model",
        )
    return DIALECTS.get(name)
