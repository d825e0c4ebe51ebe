"""What repeats of the same case say: the chance that all of k pass, that one of k does, and which cases waver."""

import math
from collections.abc import Sequence

from msgspec import Struct

from trimtab.scoring.means import SHARE, Mean, mean_of
from trimtab.scoring.units import Observed


class Tried(Struct, frozen=True):
    """One case: ``passes`` of ``tries``, its weight, and what it hangs together with."""

    passes: int
    tries: int
    weight: float = 1.0
    group: str = ""
    stratum: str = ""

    @property
    def wavers(self) -> bool:
        return 0 < self.passes < self.tries


def all_of(passes: int, tries: int, k: int) -> float:
    """The chance that k repeats all pass, without bias from ``passes`` of ``tries`` >= k: C(c, k) / C(n, k) (pass^k,
    S. Yao, N. Shinn, P. Razavi, K. Narasimhan 2024, tau-bench, https://arxiv.org/abs/2406.12045, section 4)."""
    return math.comb(passes, k) / math.comb(tries, k)


def any_of(passes: int, tries: int, k: int) -> float:
    """The chance that one of k repeats passes, without bias: 1 - C(n - c, k) / C(n, k) (pass@k, M. Chen et al. 2021,
    Evaluating large language models trained on code, https://arxiv.org/abs/2107.03374, eq. (1))."""
    return 1 - math.comb(tries - passes, k) / math.comb(tries, k)


def pass_k(cases: Sequence[Tried], k: int, alpha: float = 0.05) -> tuple[Mean, Mean]:
    """pass^k and pass@k over cases with k repeats or more, with intervals between cases."""
    enough = [case for case in cases if case.tries >= k]
    both = (
        mean_of(
            [Observed(of(case.passes, case.tries, k), case.weight, case.group, case.stratum) for case in enough],
            alpha,
            SHARE,
        )
        for of in (all_of, any_of)
    )
    first, second = both
    return first, second


def chosen_k(repeats: int) -> list[int]:
    """Which k are worth showing of so many repeats: small ones, powers of two, and all of them."""
    return [k for k in range(2, repeats + 1) if k in (3, 5, 10, 100) or k & (k - 1) == 0 or k == repeats]
