"""Choose the thresholds of `injection` and `jailbreak` together, so that both at once stay within one budget of false
alarms:

    text -> each classifier's chance, by one that did not learn from it -> the two edges within the budget that see most

The chances come from cross-fitting: the rows of the sides ``train`` and ``tune`` are dealt into `FOLDS` by their group,
and each is judged by classifiers that learned from the other folds. So some 325 harmless texts that look like attacks
say where the edges are, instead of the 94 of the side ``tune``. The side ``test`` is not looked at.
"""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from bench.guards.sets import Row
from msgspec import Struct

from trimtab.guard.detect import head, scan
from trimtab.guard.guards import REGISTRY
from trimtab.guard.types import CannotTell, Look, Piece, Subject, Tools

FOLDS: Final = 5
HARD: Final = 0.01
"""Share of WildGuard's harmless prompts (they look like attacks) that either guard may stop: half of the 2 % that we
promise, since 325 texts only say so much."""
EASY: Final = 0.01
"""The same of all other public harmless prompts."""
TRIED: Final = 25
"""Edges tried of each: at the highest chances of harmless texts."""
LOOKS: Final = "benign-wildguard"


class Read(Struct, frozen=True):
    """A prompt: ``chances`` of each classifier, and whether a rule by itself stops it."""

    row: Row
    chances: tuple[float, ...]
    ruled: bool


def fold_of(row: Row) -> int:
    return int(hashlib.sha256(f"fold:{row.group}".encode()).hexdigest()[:8], 16) % FOLDS


def chance(text: str, loaded: head.Loaded) -> float:
    """The highest of any window of any reading."""
    found = (scan.chances(scan.read(each.text, shape=False), loaded) for each in scan.readings(text))
    return max((hit.score for hits in found for hit in hits), default=0.0)


def ruled(text: str) -> bool:
    """Whether either guard stops it at its threshold without its classifier."""
    for name in ("injection", "jailbreak"):
        plug = REGISTRY.get(name)
        ready = plug.made(plug.options(classifier=False))
        seen = plug.look(Subject(pieces=(Piece(stage="input", text=text),)), ready, Tools())
        assert isinstance(seen, Look | CannotTell)
        if isinstance(seen, Look) and seen.score >= plug.threshold:
            return True
    return False


def edges(read: Sequence[Read]) -> tuple[float, ...]:
    """Of each classifier the chance from which on it stops a text. Of all pairs within the budgets that which sees most
    attacks, all families counting alike."""
    hard = [each for each in read if not each.row.label and each.row.source == LOOKS]
    easy = [each for each in read if not each.row.label and each.row.source not in (LOOKS, "own")]
    families: dict[str, list[Read]] = defaultdict(list)
    for each in read:
        if each.row.label:
            families[f"{each.row.source}: {each.row.family}"].append(each)
    tried = [
        [top + 1e-9 for top in sorted({each.chances[at] for each in (*hard, *easy)}, reverse=True)[:TRIED]]
        for at in range(len(read[0].chances))
    ]
    best: tuple[float, tuple[float, ...]] | None = None
    for pair in itertools.product(*tried):
        if _share(hard, pair) > HARD or _share(easy, pair) > EASY:
            continue
        seen = sum(_share(rows, pair) for rows in families.values()) / len(families)
        if best is None or seen > best[0]:
            best = (seen, pair)
    if best is None:
        raise SystemExit("The rules alone stop more harmless texts than the budget allows: look at them first.")
    print(f"together: edges {[round(edge, 3) for edge in best[1]]}; stopped of {len(hard)} that look like attacks "
          f"{_share(hard, best[1]):.4f}, of {len(easy)} others {_share(easy, best[1]):.4f}; seen of attacks, "
          f"by family, {best[0]:.3f}")  # fmt: skip
    return best[1]


def _share(read: Sequence[Read], pair: Sequence[float]) -> float:
    stopped = sum(
        each.ruled or any(chance >= edge for chance, edge in zip(each.chances, pair, strict=True)) for each in read
    )
    return stopped / len(read)
