"""The SQL of a project's dated prices, and of the currency it likes to be shown."""

import re
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    text,
    update,
)

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance.projects import REVISION
from trimtab.ledger.overrides import DatedPrice, Rates, check_dated
from trimtab.ledger.service_tiers import label
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

PRICES = Table(
    "prices",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False, index=True),
    Column("provider", String(200), nullable=False),
    Column("model", String(200), nullable=False),
    Column("tier", String(64), nullable=False, server_default=text("''")),
    Column("valid_from", BigInteger, nullable=True),
    Column("valid_to", BigInteger, nullable=True),
    Column("rates", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)
CURRENCIES = Table(
    "display_currencies",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("code", String(3), nullable=False),
    Column("rate", String(40), nullable=False),
    Column("updated", BigInteger, nullable=False),
)
MOST_ROWS = 5_000
"""Of one project: every snapshot carries them."""


class PricesRow(Struct, frozen=True, kw_only=True):
    """A dated price and whose it is."""

    project_id: str
    price: DatedPrice


class Currency(Struct, frozen=True, kw_only=True):
    """``rate`` is how much of it one US dollar is, a decimal string. Only for showing: the books are in US dollars."""

    code: str
    rate: str


def prices(conn: Connection, project_id: str | None = None) -> list[PricesRow]:
    """One project's, or all, oldest first."""
    found = select(PRICES).order_by(PRICES.c.created, PRICES.c.id)
    if project_id is not None:
        found = found.where(PRICES.c.project_id == project_id)
    return [
        PricesRow(
            project_id=row.project_id,
            price=DatedPrice(
                id=row.id,
                provider=row.provider,
                model=row.model,
                tier=row.tier,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                rates=msgspec.json.decode(row.rates, type=Rates),
                note=row.note,
                created=row.created,
            ),
        )
        for row in conn.execute(found)
    ]


def add_prices(conn: Connection, project_id: str, rows: list[DatedPrice]) -> list[DatedPrice]:
    """All or none. Raises `InvalidRequest` for a row that makes no sense, `Conflict` for one that is there already."""
    bump(conn, REVISION)
    known = [row.price for row in prices(conn, project_id)]
    if len(known) + len(rows) > MOST_ROWS:
        raise InvalidRequest(
            f"A project may have {MOST_ROWS} dated prices.", fix="Remove old ones, or use patterns.", param="prices"
        )
    added: list[DatedPrice] = []
    for row in rows:
        checked = check_dated(row)
        twin = next((other for other in known if _same_place(other, checked)), None)
        if twin is not None:
            raise Conflict(
                f"There is already a price for {checked.provider}/{checked.model}{label(checked.tier, known=True)}"
                f" from that moment: {twin.id}.",
                fix="Remove it first, or give another 'valid_from'.",
                param="valid_from",
            )
        known.append(checked)
        added.append(checked)
        conn.execute(insert(PRICES).values(project_id=project_id, **_values(checked)))
    return added


def _same_place(one: DatedPrice, other: DatedPrice) -> bool:
    return (one.provider, one.model, one.tier, one.valid_from) == (
        other.provider, other.model, other.tier, other.valid_from,
    )  # fmt: skip


def _values(row: DatedPrice) -> dict[str, object]:
    return {
        "id": row.id,
        "provider": row.provider,
        "model": row.model,
        "tier": row.tier,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "rates": msgspec.json.encode(row.rates).decode(),
        "note": row.note,
        "created": row.created,
    }


def end_price(conn: Connection, project_id: str, price_id: str, valid_to: int | None) -> DatedPrice:
    """Let a price end at a moment (None: go on). What was booked by it stays as it is."""
    bump(conn, REVISION)
    row = _price(conn, project_id, price_id)
    ended = check_dated(msgspec.structs.replace(row, valid_to=valid_to))
    conn.execute(update(PRICES).where(PRICES.c.id == price_id).values(valid_to=valid_to))
    return ended


def remove_price(conn: Connection, project_id: str, price_id: str) -> None:
    bump(conn, REVISION)
    _price(conn, project_id, price_id)
    conn.execute(delete(PRICES).where(PRICES.c.project_id == project_id, PRICES.c.id == price_id))


def _price(conn: Connection, project_id: str, price_id: str) -> DatedPrice:
    for row in prices(conn, project_id):
        if row.price.id == price_id:
            return row.price
    raise NotFound(f"There is no price {price_id[:80]!r} in the catalog.", fix="List them: trimtab prices list.")


_CODE = re.compile(r"[A-Z]{3}")


def check_currency(currency: Currency) -> Currency:
    try:
        rate = Decimal(currency.rate)
    except InvalidOperation:
        rate = Decimal(0)
    if not _CODE.fullmatch(currency.code) or not rate.is_finite() or not Decimal("1e-9") <= rate <= Decimal("1e9"):
        raise InvalidRequest(
            "A currency is a code of three capital letters and a positive rate.",
            fix="Write for example code EUR and rate 0.92: one US dollar is 0.92 euros.",
            param="currency",
        )
    return Currency(code=currency.code, rate=format(rate.normalize(), "f"))


def currency(conn: Connection, project_id: str) -> Currency | None:
    row = conn.execute(select(CURRENCIES).where(CURRENCIES.c.project_id == project_id)).one_or_none()
    return None if row is None else Currency(code=row.code, rate=row.rate)


def set_currency(conn: Connection, project_id: str, shown: Currency | None, now: int) -> Currency | None:
    """None: show US dollars again."""
    conn.execute(delete(CURRENCIES).where(CURRENCIES.c.project_id == project_id))
    if shown is None:
        return None
    checked = check_currency(shown)
    conn.execute(insert(CURRENCIES).values(project_id=project_id, code=checked.code, rate=checked.rate, updated=now))
    return checked
