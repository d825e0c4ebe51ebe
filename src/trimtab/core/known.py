"""What to do about a name that there is nothing of, in a sentence: what was probably meant, what there is, or how to
make the first."""

import difflib
from collections.abc import Iterable
from typing import Final

SHOWN: Final = 12
"""So many names are still read when they are told."""
_FIRST: Final = {
    "app": ("trimtab apps set NAME --prompt PROMPT --route MODEL", "Apps"),
    "dataset": ("trimtab datasets import NAME FILE", "Datasets"),
    "guard": ("trimtab guards push NAME FILE", "Guards"),
    "judge": ("trimtab judges push NAME FILE", "Scorers"),
    "limit": ("trimtab limits set NAME --money 50 --window month", "Limits"),
    "model": ("trimtab models add NAME --provider PROVIDER --upstream MODEL", "Models"),
    "prompt": ("trimtab prompts push FILE", "Prompts"),
    "provider": ("trimtab providers add NAME --kind KIND", "Providers"),
    "route": ("trimtab routes set NAME --file FILE", "Routes"),
    "suite": ("trimtab suites put NAME FILE", "Suites"),
}
"""By kind: the command that makes one, and the page of the console."""


def first(kind: str) -> str:
    """How to make the first of a kind."""
    command, page = _FIRST[kind]
    return f"There is none yet. Make one: {command}, or in the console under {page}."


def did_you_mean(name: str, known: Iterable[str], kind: str = "") -> str:
    """What was probably meant, or what there is. ``kind``: what these are, where there may be none of them yet."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if not names:
        return first(kind) if kind else "There is none that can be named here."
    return f"Use one of: {', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''}."
