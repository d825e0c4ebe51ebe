"""`Client.costs`: what calls cost, what a team pays, and whether the books agree with a provider's."""

from collections.abc import Iterator

from msgspec import Struct

from trimtab.sdk import cost_types as t
from trimtab.sdk.connection import Connection, path


class _Prices(Struct):
    items: list[t.DatedPrice] = []
    cursor: str | None = None


class _Batches(Struct):
    items: list[t.Batch] = []
    cursor: str | None = None


class _Repricings(Struct):
    items: list[t.Repricing] = []


class Costs:
    """Times are Unix milliseconds; ``q`` filters as docs/costs.md says. Without times: the last thirty days."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def report(
        self,
        project: str,
        *,
        q: str = "",
        start: int | None = None,
        end: int | None = None,
        group_by: str = "none",
        limit: int = 50,
        energy: bool = False,
    ) -> t.CostReport:
        """Sums by one dimension, against the period before."""
        query: t.Query = {"q": q, "start": start, "end": end, "group_by": group_by, "limit": limit}
        if energy:
            query["energy"] = "true"
        return self._http.ask("GET", path("projects", project, "costs"), t.CostReport, query=query)

    def csv(
        self,
        project: str,
        *,
        q: str = "",
        start: int | None = None,
        end: int | None = None,
        group_by: str = "day",
        limit: int = 1000,
    ) -> str:
        """The same as CSV, a line per group; those above ``limit`` are one line without a name."""
        query: t.Query = {"q": q, "start": start, "end": end, "group_by": group_by, "limit": limit}
        return self._http.text(path("projects", project, "costs.csv"), query=query)

    def waste(self, project: str, *, q: str = "", start: int | None = None, end: int | None = None) -> t.Waste:
        """What was paid and need not have been."""
        query: t.Query = {"q": q, "start": start, "end": end}
        return self._http.ask("GET", path("projects", project, "costs", "waste"), t.Waste, query=query)

    def top(
        self, project: str, *, q: str = "", start: int | None = None, end: int | None = None, limit: int = 20
    ) -> t.Costly:
        """The most expensive calls and prompts."""
        query: t.Query = {"q": q, "start": start, "end": end, "limit": limit}
        return self._http.ask("GET", path("projects", project, "costs", "top"), t.Costly, query=query)

    def attempts(
        self, project: str, *, q: str = "", start: int | None = None, end: int | None = None, limit: int = 100
    ) -> list[t.Attempt]:
        """Rows of the ledger, newest first."""
        query: t.Query = {"q": q, "start": start, "end": end, "limit": limit, "energy": "true"}
        return self._http.ask("GET", path("projects", project, "costs", "attempts"), list[t.Attempt], query=query)

    # --- prices ---

    def prices(self, project: str) -> list[t.DatedPrice]:
        """The project's own dated prices."""
        found: list[t.DatedPrice] = []
        cursor: str | None = None
        while True:
            page = self._http.ask("GET", path("projects", project, "prices"), _Prices, query={"cursor": cursor})
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found

    def add_prices(self, project: str, prices: list[dict[str, object]]) -> list[t.DatedPrice]:
        """Each has ``model``, ``rates``; it may have ``provider``, ``tier``, ``valid_from``, ``valid_to``, ``note``."""
        body = {"prices": prices}
        return self._http.ask("POST", path("projects", project, "prices"), _Prices, body=body).items

    def end_price(
        self, project: str, price_id: str, valid_to: int | None, *, expected_revision: int | None = None
    ) -> t.DatedPrice:
        """``valid_to`` None: it goes on. Raises `Conflict` where somebody changed it since ``expected_revision``."""
        where = path("projects", project, "prices", price_id)
        body = {"valid_to": valid_to, "expected_revision": expected_revision}
        return self._http.ask("PATCH", where, t.DatedPrice, body=body)

    def delete_price(self, project: str, price_id: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "prices", price_id), expected_revision)

    def book(self, project: str) -> t.PriceBook:
        """The packaged price book and its age."""
        return self._http.ask("GET", path("projects", project, "price-book"), t.PriceBook)

    def currency(self, project: str) -> t.Currency:
        """What costs are shown in."""
        return self._http.ask("GET", path("projects", project, "currency"), t.Currency)

    def set_currency(
        self, project: str, code: str | None, rate: str | None = None, *, expected_revision: int | None = None
    ) -> t.Currency:
        """What costs are shown in; None for US dollars. `Conflict` where somebody changed it since
        ``expected_revision``."""
        body = {"code": code, "rate": rate, "expected_revision": expected_revision}
        return self._http.ask("PATCH", path("projects", project, "currency"), t.Currency, body=body)

    # --- re-pricing, reconciliation ---

    def reprice(self, project: str, since: int, until: int | None = None, *, dry_run: bool = False) -> t.Repricing:
        """Starts; ask `repricing` how it fares."""
        body = {"since": since, "until": until, "dry_run": dry_run}
        return self._http.ask("POST", path("projects", project, "repricings"), t.Repricing, body=body)

    def repricing(self, project: str, repricing: str) -> t.Repricing:
        return self._http.ask("GET", path("projects", project, "repricings", repricing), t.Repricing)

    def repricings(self, project: str) -> list[t.Repricing]:
        """Newest first."""
        return self._http.ask("GET", path("projects", project, "repricings"), _Repricings).items

    def reconcile(
        self,
        project: str,
        provider: str,
        content: str,
        *,
        vendor: str | None = None,
        columns: dict[str, str] | None = None,
        tolerance: float = 0.01,
        decimal: str | None = None,
    ) -> t.Reconciliation:
        """Compare the books with a provider's usage export. ``decimal`` (``point`` or ``comma``) is what stands before
        decimals in a CSV, where its numbers leave it open."""
        body = {
            "provider": provider,
            "content": content,
            "vendor": vendor,
            "columns": columns or {},
            "tolerance": tolerance,
            "decimal": decimal,
        }
        return self._http.ask("POST", path("projects", project, "reconciliations"), t.Reconciliation, body=body)

    def batches(self, project: str, *, state: str = "", limit: int = 100) -> Iterator[t.Batch]:
        """Batches that were made through the server, newest first, at most ``limit``; of one ``state``, if given."""
        cursor, left = "", limit
        while left > 0:
            query: t.Query = {"state": state, "cursor": cursor, "limit": min(left, 100)}
            page = self._http.ask("GET", path("projects", project, "batches"), _Batches, query=query)
            yield from page.items
            left -= len(page.items)
            if page.cursor is None or not page.items:
                return
            cursor = page.cursor
