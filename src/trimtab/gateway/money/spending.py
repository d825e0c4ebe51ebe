"""Limits on the path of a call: what may be spent is reserved before a provider is asked, and settled when it ended.

The call's part is told here (who asks, how large the question is, which targets may answer at what price); what is
allowed is `ledger.reserve`'s to say. A refusal is worded for the client's dialect, as its official clients expect:

- A rate or a number of calls at once is 429 with Retry-After, which every official client obeys and repeats after.
- A money budget is what OpenAI calls ``insufficient_quota``, also 429; its client would repeat any 429 at once, so
  ``x-should-retry: false`` is sent, which OpenAI's and Anthropic's clients obey. Anthropic's own word for it is 402
  ``billing_error``, which its client never repeats.
"""

import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trimtab.core.clock import Clock
from trimtab.core.errors import InvalidRequest
from trimtab.gateway.call import Call
from trimtab.gateway.carried_size import Size
from trimtab.gateway.money import waited
from trimtab.gateway.route import MAX_MODEL_NAME, Target
from trimtab.gateway.staying_up.queueing import Overloaded
from trimtab.gateway.targets import Provider, tier_for
from trimtab.ledger.limit_plan import Facts, Priced, ProjectLimits, Worsts, worsts_of
from trimtab.ledger.limits import Rule, amount_text
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.refusals import LimitReached, Refusal
from trimtab.ledger.reserve import Limiter, Reservation
from trimtab.ledger.unreserved import Unreserved
from trimtab.ledger.worst import FREE, Worst, dearest, most_input, most_searches, searching, worst_of
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects.gemini.usage import BY_PROMPT
from trimtab.llm.providers import PROVIDER_KINDS

MINUTE = 60_000_000_000
SECOND = 1_000_000_000
MOST_TOGETHER = 4096
_CAPS: dict[str, tuple[str, ...]] = {
    "openai_responses": ("max_output_tokens",),
    "gemini": ("generationConfig", "maxOutputTokens"),
    "bedrock_converse": ("inferenceConfig", "maxTokens"),
    "cohere_chat": ("max_tokens",),
}
"""Where each dialect keeps the bound on its output; OpenAI Chat's depends on the provider."""
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
ANTHROPICS = ("anthropic_messages", "anthropic_passthrough")
"""Fronts of Anthropic's clients."""


Observe = Callable[[str, str, str], None]


def _nobody(project: str, limit: str, verdict: str) -> None:
    """Nobody counts."""


class Together(NamedTuple):
    """What the targets of a call may cost, until when that holds (Unix ns)."""

    until_ns: int
    targets: tuple[Priced, ...]
    worsts: Worsts


class Spending:
    """One worker's side of every limit. ``observe`` is told which limit of which project said what of a call:
    ``refused``, or ``over`` for a soft one; it must not fail or wait."""

    def __init__(self, limiter: Limiter, prices: PriceBook, clock: Clock, observe: Observe = _nobody) -> None:
        self.observe = observe
        self.limiter = limiter
        self._prices = prices
        self.now = clock.now_ns
        self._adopted: Mapping[str, ProjectLimits] = {}
        self._priced: dict[tuple[str, str, str], tuple[Target, int, Priced]] = {}
        self._together: dict[tuple[tuple[Target, ...], str], Together] = {}

    def follow(self, every: Mapping[str, ProjectLimits]) -> None:
        """Let a new configuration be in force; the same one is nothing."""
        if every is not self._adopted:
            self.limiter.adopt(every)
            self._adopted = every
            self._together.clear()

    def keep(self, in_force: Callable[[Provider], bool]) -> None:
        """Forget what the models of all other providers may cost."""
        self._priced = {key: known for key, known in self._priced.items() if in_force(known[0].provider)}
        self._together = {
            key: known for key, known in self._together.items() if all(in_force(at.provider) for at in key[0])
        }

    def reserve(
        self, call: Call, every: Mapping[str, ProjectLimits], project: str, targets: Sequence[Target]
    ) -> Awaitable[Sequence[Target]] | None:
        """Reserve for the call. None: it is done, as what is needed was at hand; else wait for what is given: the
        targets that may be asked, or the refusal in the caller's dialect. Whoever records the call settles it.
        ``every`` is the snapshot's, by project id."""
        if every is not self._adopted:
            self.follow(every)
        limits = every.get(project)
        if limits is None:
            return None
        assert call.principal is not None
        head, now = call.head, call.started_ns
        app = head.model if call.app is None else call.app.app
        app = app if len(app) <= MAX_MODEL_NAME else app[:MAX_MODEL_NAME]
        plan = self.limiter.plan(limits, call.principal.key_id, app)
        if not plan.entries:
            return None
        asked = tuple(targets)
        tier = head.tier and f"{call.front.name}:{head.tier}"  # nearly all ask for none
        priced = self._together.get((asked, tier))
        if priced is None or now >= priced.until_ns:
            priced = self._price(project, call, asked, tier)
        if plan.money and (searches := most_searches(call.body)):
            priced = _searching(priced, searches)
        tokens = most_input(call.body, typed=call.front.name != "gemini") if plan.sized else 0
        output, choices = head.max_tokens if call.front.operation == "chat" else 0, head.choices
        if plan.ordinary:
            reservation, facts = self.limiter.take(plan, priced.worsts, tokens, output, choices, now), None
            if reservation is not None:
                reservation.targets, reservation.tokens = priced.targets, tokens
        else:
            facts = self._facts(call, plan.key, app, priced.targets, tokens, output)
            reservation = self.limiter.reserve_now(plan, facts)
        if reservation is None:
            facts = facts or self._facts(call, plan.key, app, priced.targets, tokens, output)
            return waited.reserve(self, call, plan, facts, targets)
        self.reserved(call, project, reservation)
        return None

    def _facts(
        self, call: Call, key: str, app: str, targets: tuple[Priced, ...], tokens: int, output: int | None
    ) -> Facts:
        told = call.caller
        return Facts(key, app, told.feature, told.user, targets, tokens, output, call.head.choices, call.started_ns)

    def reserve_carried(
        self,
        call: Call,
        every: Mapping[str, ProjectLimits],
        target: Target,
        size_of: Callable[[Target], Awaitable[Size]],
    ) -> Coroutine[Any, Any, None]:
        """Reserve for a call that passes through; its size is asked for where a limit counts tokens or money."""
        return waited.reserve_carried(self, call, every, target, size_of)

    def reserved(self, call: Call, project: str, reservation: Reservation) -> None:
        """That much is set aside for the call."""
        call.reservation = reservation
        call.output_cap = reservation.output_cap
        if reservation.plan.headers or reservation.warnings:
            for name in reservation.warnings:
                self.observe(project, name, "over")
            call.extra_headers += told(reservation, call.front.name, self.now())

    def _price(self, project: str, call: Call, targets: tuple[Target, ...], tier: str) -> Together:
        """What each of them may cost, and until when that holds."""
        now_ns, front, asked = call.started_ns, call.front, call.head.tier
        tiers = [tier_for(target.provider, front, asked) for target in targets]
        found = tuple([self.worst(project, target, now_ns, of) for target, of in zip(targets, tiers, strict=True)])
        if len(self._together) > MOST_TOGETHER:
            self._together.clear()
        made = self._together[targets, tier] = Together(_next_minute(now_ns), found, worsts_of(found))
        return made

    def worst(self, project: str, target: Target, now_ns: int, tier: str = "") -> Priced:
        """What a target may cost, looked up once a minute: prices change by date, and some by the time of day."""
        model = target.model
        known = self._priced.get((project, model.name, tier))
        if known is not None and now_ns < known[1]:
            before = known[0]
            if before is target or (before.provider is target.provider and before.model == model):
                return known[2]
        if len(self._priced) > 10_000:
            self._priced.clear()
        made = Priced(model.name, target.provider.name, model.upstream, self._rates(target, now_ns, tier))
        self._priced[project, model.name, tier] = (target, _next_minute(now_ns), made)
        return made

    def _rates(self, target: Target, now_ns: int, tier: str) -> Worst | None:
        model, provider = target.model, target.provider
        if not model.upstream:  # passes through and names no model: a list of files is not priced
            return FREE
        kind = PROVIDER_KINDS.get(provider.kind)
        cards = self._prices.cards(
            kind=kind,
            model=model.name,
            upstream=model.upstream,
            at_ns=now_ns,
            override=model.price,
            dated=provider.prices,
            asked=tier,
        )
        return None if cards is None else dearest([worst_of(card) for card in cards])


def _searching(priced: Together, searches: int) -> Together:
    """What the targets may cost a call that may search the web so often. Google's older models take one fee for all
    searches of a call."""
    found: list[Priced] = []
    for each in priced.targets:
        count = 1 if each.upstream.rpartition("/")[2].startswith(BY_PROMPT) else searches
        found.append(each if each.worst is None else replace(each, worst=searching(each.worst, count)))
    return Together(priced.until_ns, tuple(found), worsts_of(found))


def _next_minute(now_ns: int) -> int:
    return now_ns - now_ns % MINUTE + MINUTE


def capped(body: bytes, dialect: str, cap: int, quirks: Quirks) -> bytes:
    """A request's body with our bound on its output, of which the caller set none."""
    path = (quirks.max_tokens_field,) if dialect == "openai_chat" else _CAPS.get(dialect)
    if path is None:
        return body
    try:
        fields: dict[str, Any] = {**_fields(body)}
        if dialect == "gemini" and "generation_config" in fields:
            path = ("generation_config", "max_output_tokens")
        inner = fields
        for name in path[:-1]:
            known = inner.get(name)
            deeper: dict[str, Any] = {} if known is None or bytes(known) == b"null" else {**_fields(known)}
            inner[name] = deeper
            inner = deeper
        inner[path[-1]] = cap
        return msgspec.json.encode(fields)
    except BROKEN:
        raise InvalidRequest("The body is not a JSON object that can be read.") from None


# --- a refusal, on record and as the client is told ---


def note_refusal(call: Call, error: Refusal | Overloaded, now_ns: int) -> None:
    """The call's record says which limit refused it, what was left of that, and when there is room again; the client
    is told as its dialect knows it."""
    note = error.note
    if isinstance(error, LimitReached):
        call.extra_headers += worded(error, call.front.name)
    elif isinstance(error, Overloaded) and error.retry_after_s is not None:
        note = replace(note, resets=(now_ns + round(error.retry_after_s * SECOND)) // 1_000_000)
    if call.reservation is None:
        call.reservation = Unreserved()
    call.reservation.refused += (note,)


def worded(error: LimitReached, front: str) -> bytes:
    """Make the refusal what this dialect's clients know; the header lines that belong to it."""
    rule = error.rule
    lines = b"trimtab-limit: %b\r\n" % rule.name.encode()
    if rule.measure == "money":
        error.retryable = False
        if front in ANTHROPICS:
            error.status, error.code = 402, "billing_error"
        else:
            error.code = "insufficient_quota"
        lines += b"x-should-retry: false\r\ntrimtab-budget-remaining: %b\r\n" % (
            amount_text("money", max(0, rule.bound - error.used)).encode()
        )
    elif rule.measure != "concurrency":
        lines += _rate_lines(rule, max(0, rule.bound - error.used), error.retry_after_s or 0.0, front)
    return lines


def told(reservation: Reservation, front: str, now_ns: int) -> bytes:
    """Header lines about what is left, as far as this worker knows, of the rules that are to tell it."""
    lines = b""
    for rule, left, resets_ns in reservation.left():
        if rule.measure == "money":
            lines += b"trimtab-budget-remaining: %b\r\n" % amount_text("money", left).encode()
        elif rule.measure != "concurrency":
            lines += _rate_lines(rule, left, max(0.0, (resets_ns - now_ns) / SECOND), front)
    if reservation.warnings:
        lines += b"trimtab-limit-warning: %b\r\n" % ", ".join(reservation.warnings).encode()
    return lines


def _rate_lines(rule: Rule, left: int, resets_s: float, front: str) -> bytes:
    """As the vendors name them: https://platform.openai.com/docs/guides/rate-limits,
    https://docs.claude.com/en/api/rate-limits."""
    kind = rule.measure.encode()
    if front in ANTHROPICS:
        prefix = b"anthropic-ratelimit-%b-" % kind
        return b"%blimit: %d\r\n%bremaining: %d\r\n" % (prefix, rule.bound, prefix, left)
    return b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %ds\r\n" % (
        kind, rule.bound, kind, left, kind, math.ceil(resets_s)
    )  # fmt: skip
