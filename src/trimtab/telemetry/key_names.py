"""What a search names as people know it and the store does not: API keys by their names (``key:my-app``), and money in
the currency that a project shows it in (``cost:>1``).

Rows hold the id of the key that called, which stays the same; its name is the catalog's, may be that of several keys
and is another in each project. So a compiled search names keys by a `KeyNamed`, and their ids take its place just
before the store is asked: also in searches that were saved long before the key was made.

The books are in US dollars; the console shows them at one rate in another currency where a project wants that, and an
amount in a search is meant as it is shown. So its picodollars take its place just as late (`MoneyNamed`).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.stores import KeyNamed, MoneyNamed, Value, bind

MOST: Final = 500
"""Keys that one condition may name."""
DOLLARS: Final = "USD"
PICO: Final = 10**12
NEVER: Final = -(1 << 63)
"""What nothing costs."""
_INT64: Final = (1 << 63) - 1


class NamedKey(Struct, frozen=True):
    """``ended``: it was revoked."""

    id: str
    name: str
    ended: bool = False


class KeyNames(Protocol):
    """What knows names of keys, and currencies: `server.key_names.CatalogKeyNames`. Raises `Unavailable` while it does
    not."""

    async def of(self, project: str) -> list[NamedKey]:
        """Every key that may have called in a project: its own, and those of the whole server."""
        ...

    async def currency(self, project: str) -> tuple[str, str] | None:
        """In which currency a project shows money, and how much of it one US dollar is, a decimal; None for US
        dollars."""
        ...


class NoNames:
    """Where there is no catalog: keys are known by their ids alone."""

    async def of(self, project: str) -> list[NamedKey]:
        del project
        return []

    async def currency(self, project: str) -> tuple[str, str] | None:
        del project
        return None


async def bound(params: Mapping[str, Value], names: KeyNames) -> dict[str, str]:
    """The values as the store takes them (`bind`), names of keys as their ids, for ``{name:Array(String)}``, and money
    in picodollars. Raises `InvalidRequest` where keys are too many, or a currency is not the project's."""
    found = bind({name: value for name, value in params.items() if not isinstance(value, KeyNamed | MoneyNamed)})
    for name, value in params.items():
        if isinstance(value, MoneyNamed):
            found[name] = str(picodollars(value, await names.currency(str(params["project"]))))
        if isinstance(value, KeyNamed):
            keys = await names.of(str(params["project"]))
            found[name] = _array(_fitting(value, keys))
    return found


def picodollars(money: MoneyNamed, shown: tuple[str, str] | None) -> int:
    """Raises `InvalidRequest` for a currency that is neither the project's nor US dollars."""
    own, rate = shown or (DOLLARS, "1")
    code = money.code or own
    if code not in (own, DOLLARS):
        raise InvalidRequest(
            f"The search names an amount in {code}, and this project shows money in {own}.",
            fix=f"Write {money.amount}{own}"
            + (f" or {money.amount}{DOLLARS}." if own != DOLLARS else ", or set the project's currency."),
            param="q",
        )
    number = Decimal(money.amount) / Decimal(rate if code == own else "1") * PICO
    floor = int(number.to_integral_value(rounding="ROUND_FLOOR"))
    if money.exact and number != floor:
        return NEVER
    return max(NEVER, min(floor + (money.up and number != floor), _INT64))


def _fitting(wanted: KeyNamed, keys: list[NamedKey]) -> list[str]:
    if wanted.wild:
        found = [key.id for key in keys if _like(wanted.text, key.name)]
    else:
        found = [key.id for key in keys if key.name == wanted.text]
    if len(found) > MOST:
        raise InvalidRequest(
            f"The search names {len(found)} keys by {wanted.text!r}, and may name {MOST}.",
            fix="Write more of their name, or the id of one.",
            param="q",
        )
    return found


def _like(pattern: str, name: str) -> bool:
    """Whether it fits, a ``*`` being anything. Each part is looked for once, from where the one before it ends: an
    expression would try every way to share a name out among many stars."""
    first, *between, last = pattern.split("*")
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in between:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _array(ids: list[str]) -> str:
    """Ids are ours and hold nothing that has to be escaped."""
    return "[" + ",".join(f"'{each}'" for each in ids) + "]"
