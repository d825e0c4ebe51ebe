"""Where a route waits: for the embedding of what a call says (`compile.py` decides by it)."""

from collections.abc import Callable, Sequence

from trimtab.core.errors import Unavailable
from trimtab.gateway.routing.ask import Ask, Unknown
from trimtab.gateway.routing.meanings import Meanings, why_blind
from trimtab.gateway.routing.plan import Plan


async def decide(plan: Callable[[Ask], Plan], meanings: Meanings | None, ask: Ask) -> Plan:
    """See `Compiled.decide`."""
    try:
        return plan(ask)
    except Unknown:
        await learn(meanings, ask)
        return plan(ask)


async def learn(meanings: Meanings | None, ask: Ask) -> None:
    """See `Compiled.learn`."""
    text = ask.text()
    if meanings is None or not text.strip():
        ask.learn(None, "nothing was said that could be compared")
        return
    try:
        ask.learn(await meanings.of(text))
    except Unavailable as error:  # calls go on without an embedder, and the record says so
        ask.learn(None, why_blind(error))


async def warm(meanings: Meanings | None, examples: Sequence[str]) -> None:
    """See `Compiled.warm`."""
    if examples and meanings is not None:
        await meanings.learn(examples)
