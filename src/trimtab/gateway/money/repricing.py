"""Re-pricing: what past attempts cost by today's price book and the team's own prices, as new versions of their rows.

What a row was booked at stays on it for good; a new version says what it costs by which row of the book now, and which
re-pricing said so. Rates are those in force when the attempt was made: it is the book that is today's, not the prices.
A row without a price today keeps what it has, unless an earlier re-pricing gave it an own price that has been taken
back since: then it costs what was booked, so a price set by mistake can be undone.

A job goes through the ledger page by page and saves how far it came. Doing a page twice writes the same versions, so a
job that a crash interrupts goes on and ends as if nothing had been; and re-pricing twice equals re-pricing once.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any, Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.clock import Clock
from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.core.ids import new_id
from trimtab.gateway.targets import ProjectTargets
from trimtab.ledger import repricing_store as store
from trimtab.ledger.overrides import DatedPrice, PriceList
from trimtab.ledger.prices import OWN_PRICE
from trimtab.ledger.repricing_store import Ahead, Difference, Report, Repricing
from trimtab.ledger.types import Cost, PriceOverride
from trimtab.llm.providers import PROVIDER_KINDS, Passed
from trimtab.llm.types import Usage
from trimtab.storage.database import Database
from trimtab.storage.turns import HOLD_MS, Turns, holding
from trimtab.telemetry.costs.ledger_pages import AT, LedgerPages, Row
from trimtab.telemetry.mapping.prices import REPORTED, Book, ForeignPrices

logger = logging.getLogger("trimtab.repricing")

PAGE: Final = 2_000
POLL_S: Final = 5.0
_NS: Final = 1_000_000
_NO_MODEL: Final = frozenset(("", *get_args(Passed)))
"""What stands for the model in rows of calls that named none."""
_DATED: Final = re.compile(rf"{OWN_PRICE}[^:]*:[a-z0-9_]+=")
"""The name of a dated price says which rate is which; that of a model's own price does not."""


class Today(Struct, frozen=True, kw_only=True):
    """What prices are made of now: the book, the project's models, its own dated prices."""

    prices: Book
    targets: ProjectTargets
    dated: list[DatedPrice]


class Parts(Struct, frozen=True, kw_only=True):
    """What a `Repricer` is made of. ``today`` gives what prices are made of for a project."""

    db: Database
    pages: LedgerPages
    today: Callable[[str], Today]
    clock: Clock


class Repricer:
    """Runs beside a worker and takes up jobs that nobody holds. ``step(name)`` is called after each step of a page, so
    that a test may end it right there."""

    def __init__(self, parts: Parts, *, step: Callable[[str], None] | None = None) -> None:
        self._parts = parts
        self._holder = new_id("worker")
        self._turns = Turns(self.turn, "re-pricing", POLL_S, logger)
        self._step = step or _no_step

    def wake(self) -> None:
        """There is a new job."""
        self._turns.wake()

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run(at_once=True)

    async def turn(self) -> bool:
        """Take up one job and do it to its end; False where there is none."""
        db, now = self._parts.db, self._now()
        if not await db.read(lambda conn: store.waits(conn, now)):
            return False
        job = await db.write(lambda conn: store.claim(conn, self._holder, now, HOLD_MS))
        if job is None:
            return False
        try:
            async with holding(
                lambda: db.write(lambda conn: store.renew(conn, job, self._now(), HOLD_MS)),
                lambda: db.write(lambda conn: store.let_go(conn, job)),
            ):
                await self._work(job)
        except Unavailable:
            raise
        except TrimtabError as error:
            await self._save(replace(job, state="failed", problem=error.sentence()))
        return True

    def _now(self) -> int:
        return self._parts.clock.now_ns() // _NS

    async def _save(self, job: Repricing) -> bool:
        now = self._now()
        return await self._parts.db.write(lambda conn: store.save(conn, job, now, HOLD_MS))

    async def _work(self, job: Repricing) -> None:
        pricing = Pricing(self._parts.today(job.project_id), job)
        bounds = (job.since * _NS, job.until * _NS)
        while True:
            page = await self._parts.pages.page(job.project_id, bounds, (job.position_ns, job.position_span), PAGE)
            if not page:
                await self._save(replace(job, state="done"))
                return
            ahead = job.report.ahead
            if ahead is not None:  # a page that may have been written: the same rows, counted already
                page = [row for row in page if _place(row) <= (ahead.position_ns, ahead.position_span)]
            changed, report = await asyncio.to_thread(pricing.page, page, replace(job.report, ahead=None))
            if ahead is None:
                at, span = _place(page[-1])
                ahead = Ahead(position_ns=at, position_span=span, report=report)
            if changed and not job.dry_run:
                if job.report.ahead is None:
                    job = replace(job, report=replace(job.report, ahead=ahead))
                    if not await self._save(job):
                        return
                    self._step("noted")
                await self._parts.pages.replace(changed, f"{job.id}:{ahead.position_ns}:{ahead.position_span}")
                self._step("written")
            job = replace(job, position_ns=ahead.position_ns, position_span=ahead.position_span, report=ahead.report)
            if not await self._save(job):
                logger.warning("the re-pricing %s has been taken up by another worker", job.id)
                return
            self._step("saved")


class Pricing:
    """Rows to their new versions, and the differences counted."""

    def __init__(self, today: Today, job: Repricing) -> None:
        self._today = today
        self._job = job
        self._lists: dict[str, PriceList | None] = {}
        own = tuple(today.dated)
        self._foreign = ForeignPrices(lambda _: own, today.prices)

    def page(self, rows: list[Row], report: Report) -> tuple[list[Row], Report]:
        """New versions of the rows that change, and the report with this page in it."""
        lines = {_key(each): each for each in report.differences}
        changed: list[Row] = []
        before, after = report.before, report.after
        unknown_before, unknown_after, kept, more = 0, 0, 0, report.more
        for row in rows:
            old, old_price = row[AT["cost"]], row[AT["price"]]
            cost = self.cost(row)
            if cost.amount is None and old is not None:
                back = self._taken_back(row)
                kept += not back
                left = ("booked_cost", "booked_price") if back else ("cost", "price")
                cost = Cost(amount=row[AT[left[0]]], price=row[AT[left[1]]], told=cost.told, counted=cost.counted)
            before += old or 0
            after += cost.amount or 0
            unknown_before += old is None
            unknown_after += cost.amount is None
            if (cost.amount, cost.price) == (old, old_price) or (cost.amount is None and old is None):
                continue
            changed.append(self._version(row, cost))
            more = not _count(lines, row, cost) or more
        return changed, replace(
            report,
            looked_at=report.looked_at + len(rows),
            changed=report.changed + len(changed),
            before=before,
            after=after,
            unpriced_before=report.unpriced_before + unknown_before,
            unpriced_after=report.unpriced_after + unknown_after,
            no_price_today=report.no_price_today + kept,
            differences=tuple(lines.values()),
            more=more,
        )

    def _taken_back(self, row: Row) -> bool:
        """Of a row that nothing prices today: was it last priced anew by an own price that is no more? A dated one was
        removed; the price of a model counts as taken back only while a model leads there, since it may be retired."""
        price: str = row[AT["price"]]
        if not price.startswith(OWN_PRICE) or price == row[AT["booked_price"]]:
            return False
        place = (row[AT["provider"]], row[AT["model"]])
        return bool(_DATED.match(price)) or place in {
            (model.provider, model.upstream) for model in self._today.targets.models.values()
        }

    def cost(self, row: Row) -> Cost:
        """What the row's usage costs by today's book."""
        kind = row[AT["provider_kind"]]
        if kind in ("cache", "guard"):  # an answer given again, or a refusal, costs nothing, whatever tokens cost
            return Cost(amount=row[AT["cost"]], price=row[AT["price"]])
        if not kind:  # another tool's span: whatever its provider is called, there is none of ours
            models = (row[AT["model"]], row[AT["model_used"]])
            reported = row[AT["cost"]] if row[AT["price"]] == REPORTED else None
            return self._foreign.of(
                self._job.project_id, row[AT["provider"]], models, _usage(row), row[AT["at_ns"]], reported
            )
        if kind not in PROVIDER_KINDS.names():
            return Cost()
        return self._today.prices.cost(
            kind=PROVIDER_KINDS.get(kind),
            model=row[AT["model_name"]],
            upstream=row[AT["model"]],
            usage=_usage(row),
            at_ns=row[AT["at_ns"]],
            override=self._override(row),
            dated=self._dated(row[AT["provider"]]),
        )

    def _override(self, row: Row) -> PriceOverride | None:
        """The price set on the model that was called; of an older row, and of a batch, whose call names no model, that
        of whichever model leads there."""
        name, upstream, provider = row[AT["model_name"]], row[AT["model"]], row[AT["provider"]]
        models = self._today.targets.models
        named = [models[name]] if name in models else list(models.values()) if name in _NO_MODEL else []
        return next((m.price for m in named if (m.provider, m.upstream) == (provider, upstream) and m.price), None)

    def _dated(self, provider: str) -> PriceList | None:
        if provider not in self._lists:
            self._lists[provider] = PriceList.of(provider, self._today.dated)
        return self._lists[provider]

    def _version(self, row: Row, cost: Cost) -> Row:
        new: list[Any] = list(row)
        new[AT["cost"]], new[AT["price"]], new[AT["cost_parts"]] = cost.amount, cost.price, list(cost.parts)
        new[AT["cost_told"]], new[AT["cost_counted"]] = cost.told, cost.counted
        new[AT["repricing"]], new[AT["version"]] = self._job.id, self._job.created
        return new


def _usage(row: Row) -> Usage:
    return Usage(
        input=row[AT["input_tokens"]],
        cache_read=row[AT["cache_read_tokens"]],
        cache_write=row[AT["cache_write_tokens"]],
        output=row[AT["output_tokens"]],
        reasoning=row[AT["reasoning_tokens"]],
        cache_write_1h=row[AT["cache_write_1h_tokens"]],
        audio_input=row[AT["audio_input_tokens"]],
        audio_output=row[AT["audio_output_tokens"]],
        image_input=row[AT["image_input_tokens"]],
        image_output=row[AT["image_output_tokens"]],
        images=row[AT["images"]],
        tier=row[AT["tier"]],
        cache_audio=row[AT["cache_audio_tokens"]],
        cache_image=row[AT["cache_image_tokens"]],
        searches=row[AT["searches"]],
        file_searches=row[AT["file_searches"]],
        charged=row[AT["cost_told"]],
        estimated=bool(row[AT["tokens_estimated"]]),
    )


_Key = tuple[str, str, str, str]


def _key(line: Difference) -> _Key:
    return line.provider, line.model, line.from_price, line.to_price


def _count(lines: dict[_Key, Difference], row: Row, cost: Cost) -> bool:
    """Add a row to its line; False where there is no room for another line."""
    key = (row[AT["provider"]], row[AT["model"]], row[AT["price"]], cost.price)
    line = lines.get(key)
    if line is None:
        if len(lines) >= store.LINES:
            return False
        line = Difference(
            provider=key[0], model=key[1], from_price=key[2], to_price=key[3], rows=0, before=0, after=0, were_unknown=0
        )
    old = row[AT["cost"]]
    lines[key] = replace(
        line,
        rows=line.rows + 1,
        before=line.before + (old or 0),
        after=line.after + (cost.amount or 0),
        were_unknown=line.were_unknown + (old is None),
    )
    return True


def _place(row: Row) -> tuple[int, str]:
    return row[AT["at_ns"]], row[AT["span_id"]]


def _no_step(name: str) -> None:
    del name
