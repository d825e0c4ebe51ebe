"""Dated prices: what a team pays where the packaged book says otherwise, and from when until when."""

from typing import Final

from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.core.ids import new_id
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.ledger import price_store
from trimtab.ledger.overrides import DatedPrice
from trimtab.ledger.price_store import Currency
from trimtab.server import auditing
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.bodies.cost import (
    CurrencyPatch,
    CurrencyView,
    DatedPricePage,
    DatedPricePatch,
    DatedPrices,
    DatedPriceView,
    NewDatedPrices,
    PriceBookView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, cut, route

TAG = "costs"
KIND: Final = "price"
MOST_AT_ONCE: Final = 1_000


def _view(row: DatedPrice, now: int, revision: int) -> DatedPriceView:
    """``revision`` 0: the config file declares it."""
    planned = row.valid_from is not None and now < row.valid_from
    return DatedPriceView(
        id=row.id,
        provider=row.provider,
        model=row.model,
        tier=row.tier,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        rates=row.rates,
        note=row.note,
        source="config" if row.source == "config" else "catalog",
        state="planned" if planned else "in_force" if row.holds(now) else "ended",
        revision=revision,
        created=row.created,
    )


async def _rows(deps: Dependencies, tenant: Project) -> dict[str, DatedPrice]:
    found = await deps.db.read(lambda conn: price_store.prices(conn, tenant.id))
    declared = deps.config.prices if deps.config.project == tenant.slug else ()
    return {row.id: row for row in (*(row.price for row in found), *declared)}


def _in_catalog(price_id: str) -> None:
    if price_id.startswith("config."):
        raise Conflict(
            f"The price {price_id[:80]!r} is declared in the config file.",
            fix="Change it there: the server reads it again.",
            param="price_id",
        )


def _deed(tenant: Project, action: str, price_id: str, expected: int | None) -> Deed:
    state = auditing.row(price_store.PRICES, project_id=tenant.id, id=price_id)
    edit = Edit(place=tenant.id, kind=KIND, name=price_id, expected=expected)
    return Deed(project=tenant, action=action, subject=f"price:{price_id}", state=state, edit=edit)


@route(
    "GET",
    "/api/v1/projects/{project:str}/prices",
    "cost:read",
    Operation(id="listPrices", summary="A project's own dated prices", tag=TAG, errors=(404,)),
)
async def list_prices(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> DatedPricePage:
    """In the order in which they were made; those of the config file first."""
    revisions = await deps.db.read(lambda conn: edits.revisions(conn, tenant.id, KIND))  # before what they are of
    rows = await _rows(deps, tenant)
    ids, more = cut(sorted(rows), cursor, limit)
    now = deps.now()
    items = [_view(rows[n], now, 0 if rows[n].source == "config" else revisions.get(n, FIRST)) for n in ids]
    return DatedPricePage(items=items, cursor=more)


@route(
    "POST",
    "/api/v1/projects/{project:str}/prices",
    "cost:write",
    Operation(id="addPrices", summary="Add dated prices", tag=TAG, status=201, errors=(404, 409)),
)
async def add_prices(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewDatedPrices]) -> DatedPrices:
    """In force on every worker when it returns. What is booked already stays as it is until it is re-priced."""
    now = deps.now()
    if not 1 <= len(data.prices) <= MOST_AT_ONCE:
        raise InvalidRequest(f"Give 1 to {MOST_AT_ONCE} prices at once.", fix="Send the rest after.", param="prices")
    rows = [
        DatedPrice(
            id=new_id("prc"),
            provider=given.provider,
            model=given.model,
            tier=given.tier,
            valid_from=given.valid_from,
            valid_to=given.valid_to,
            rates=given.rates,
            note=given.note,
            created=now,
        )
        for given in data.prices
    ]
    told = {
        "prices": [
            {
                "id": each.id,
                "provider": each.provider,
                "model": each.model,
                "tier": each.tier,
                "note": each.note,
                "valid_from": each.valid_from,
                "valid_to": each.valid_to,
                "rates": each.rates,
            }
            for each in rows[:50]
        ]
    }
    deed = Deed(project=tenant, action="prices.added", subject="prices", detail={**told, "count": len(rows)})
    added = await written(deps, caller, deed, lambda conn: price_store.add_prices(conn, tenant.id, rows))
    await deps.snapshots.changed()
    return DatedPrices(items=[_view(row, now, FIRST) for row in added])


@route(
    "PATCH",
    "/api/v1/projects/{project:str}/prices/{price_id:str}",
    "cost:write",
    Operation(id="endPrice", summary="Let a dated price end", tag=TAG, errors=(404, 409)),
)
async def end_price(
    deps: Deps, caller: CallerNow, tenant: Tenant, price_id: FromPath[str], data: JSONBody[DatedPricePatch]
) -> DatedPriceView:
    """A price that was in force is ended rather than removed: rows it priced keep a row to point at. With
    ``expected_revision`` it is refused (409) where somebody let it end otherwise since that revision."""
    _in_catalog(price_id)
    deed = _deed(tenant, "price.ended", price_id, data.expected_revision)
    ended = await edited(
        deps, caller, deed, lambda conn: price_store.end_price(conn, tenant.id, price_id, data.valid_to)
    )
    await deps.snapshots.changed()
    return _view(ended.made, deps.now(), ended.revision)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/prices/{price_id:str}",
    "cost:write",
    Operation(id="deletePrice", summary="Remove a dated price", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_price(
    deps: Deps, caller: CallerNow, tenant: Tenant, price_id: FromPath[str], expected_revision: Seen = None
) -> None:
    _in_catalog(price_id)
    deed = _deed(tenant, "price.removed", price_id, expected_revision)
    await written(deps, caller, deed, lambda conn: price_store.remove_price(conn, tenant.id, price_id))
    await deps.snapshots.changed()


@route(
    "GET",
    "/api/v1/projects/{project:str}/price-book",
    "cost:read",
    Operation(id="getPriceBook", summary="The packaged price book and its age", tag=TAG, errors=(404,)),
)
async def get_price_book(deps: Deps, tenant: Tenant) -> PriceBookView:
    now = deps.now()
    edition = deps.prices.edition(deps.clock.now_ns())
    rows = await _rows(deps, tenant)
    return PriceBookView(
        version=edition.version,
        released=edition.released,
        age_days=edition.age_days,
        stale=edition.stale,
        rows=edition.rows,
        own=sum(row.holds(now) for row in rows.values()),
    )


@route(
    "GET",
    "/api/v1/projects/{project:str}/currency",
    "cost:read",
    Operation(id="getCurrency", summary="The currency costs are shown in", tag=TAG, errors=(404,)),
)
async def get_currency(deps: Deps, tenant: Tenant) -> CurrencyView:
    def read(conn: Connection) -> tuple[int, Currency | None]:
        return edits.current(conn, _currency(tenant)), price_store.currency(conn, tenant.id)

    revision, shown = await deps.db.read(read)
    return _shown(shown, revision)


def _currency(tenant: Project, expected: int | None = None) -> Edit:
    return Edit(place=tenant.id, kind="currency", name="", expected=expected)


def _shown(shown: Currency | None, revision: int) -> CurrencyView:
    code, rate = (None, None) if shown is None else (shown.code, shown.rate)
    return CurrencyView(code=code, rate=rate, revision=revision)


@route(
    "PATCH",
    "/api/v1/projects/{project:str}/currency",
    "cost:write",
    Operation(id="setCurrency", summary="Show costs in another currency", tag=TAG, errors=(404, 409)),
)
async def set_currency(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[CurrencyPatch]) -> CurrencyView:
    """The books stay in US dollars: this is one rate for reading them, not a history of rates. With
    ``expected_revision`` it is refused (409) where somebody changed it since that revision."""
    shown = None if data.code is None else Currency(code=data.code, rate=data.rate or "")
    now = deps.now()
    row = auditing.row(price_store.CURRENCIES, project_id=tenant.id)
    deed = Deed(
        project=tenant,
        action="currency.set",
        subject="currency",
        state=lambda conn: row(conn) or {"code": None},
        edit=_currency(tenant, data.expected_revision),
    )
    kept = await edited(deps, caller, deed, lambda conn: price_store.set_currency(conn, tenant.id, shown, now))
    return _shown(kept.made, kept.revision)


ROUTES = (list_prices, add_prices, end_price, delete_price, get_price_book, get_currency, set_currency)
