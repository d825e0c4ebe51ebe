"""What of one arm must be known to compare it: sums over its units, never the observations themselves."""

from collections.abc import Iterable

from msgspec import Struct


class Sums(Struct, frozen=True, kw_only=True):
    """Observations of one metric in one arm, clustered by unit (a user, a session, or the call itself).

    Unit i has n_i observations with the sum s_i; ``units`` counts those with n_i > 0, ``n`` = sum of n_i, ``s`` = sum
    of s_i, ``ss`` = sum of s_i^2, ``ns`` = sum of n_i s_i, ``nn`` = sum of n_i^2. All that a mean over observations
    and its cluster-robust variance need; two `Sums` over different units add up.
    """

    units: int = 0
    n: int = 0
    s: float = 0.0
    ss: float = 0.0
    ns: float = 0.0
    nn: float = 0.0

    @property
    def mean(self) -> float | None:
        return self.s / self.n if self.n else None

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


def sums_of(units: Iterable[tuple[int, float]]) -> Sums:
    """From pairs (n_i, s_i); units without observations are passed over."""
    count, n, s, ss, ns, nn = 0, 0, 0.0, 0.0, 0.0, 0.0
    for number, total in units:
        if number > 0:
            count, n, s = count + 1, n + number, s + total
            ss, ns, nn = ss + total * total, ns + number * total, nn + number * number
    return Sums(units=count, n=n, s=s, ss=ss, ns=ns, nn=nn)


def single(n: int, s: float) -> Sums:
    """Of ``n`` units with one observation of 0 or 1 each, ``s`` of them 1."""
    return Sums(units=n, n=n, s=s, ss=s, ns=s, nn=float(n))


class ArmFigures(Struct, frozen=True, kw_only=True):
    """What one arm did. ``calls`` that count (answered or failed), ``units`` behind them; ``cancelled`` calls, which
    are in the metric of that name alone, and those ``refused`` by the gateway for the caller's own fault, which are in
    none. ``values``: by metric."""

    calls: int = 0
    units: int = 0
    cancelled: int = 0
    refused: int = 0
    values: dict[str, Sums] = {}
