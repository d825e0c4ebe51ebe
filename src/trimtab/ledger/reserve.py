"""Limits at work: what a call may cost at most is reserved of every rule that it falls under, all or nothing, before a
provider is asked; when it has ended, what it really used is kept and the rest given back.

On the ordinary path this is arithmetic on what the worker holds (`leases.Held`): no await, no lock, no query. Only
where too little is at hand a call waits for the catalog, and only where that says no it is refused.
"""

import hashlib
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from trimtab.ledger.given_back import Holding
from trimtab.ledger.held import Counter, Held
from trimtab.ledger.leases import GRACE_MS, MS, Keeper
from trimtab.ledger.limit_plan import (
    CONCURRENCY,
    MONEY,
    REQUESTS,
    TOKENS,
    Entry,
    Facts,
    Needs,
    Part,
    Plan,
    Priced,
    ProjectLimits,
    Ready,
    Worsts,
    worsts_of,
)
from trimtab.ledger.limits import Dimension, Rule, series_of
from trimtab.ledger.refusals import CannotCount, PriceUnknown, Refusal
from trimtab.ledger.types import Ended, EndedBadly, LimitNote
from trimtab.ledger.unreserved import Unreserved
from trimtab.ledger.waits import Wish, cover, reserve
from trimtab.ledger.windows import lasts_ns
from trimtab.llm.types import Usage

LONGEST_BUCKET = 512
MOST_REMEMBERED = 4096
NOT_ASKED = frozenset(
    ("upstream_unreachable", "upstream_timeout_connect", "provider_misconfigured", "unsupported", "invalid_request")
)
"""Failures before a provider had the request."""
DEADLINE = "deadline_exceeded"
"""The caller's own time was over while a provider worked, which knows nothing of that."""


class Reservation(Unreserved):
    """Reserved until `settle`, which must be called, once, however the call ends; later calls of it do nothing.

    ``output_cap`` is the bound on output to send to the provider where the caller set none; None: send none.
    ``warnings`` are soft rules over their bound. What an ordinary call has of its rules is ``ready`` and ``needs`` (by
    what they count); `parts` says the same of any call. ``targets`` may answer it, and ``tokens`` is the most that its
    question can come to: by these an attempt is counted of which nobody knows what it used."""

    warnings: tuple[str, ...] = ()
    settled: bool = False
    uses: Needs = (0, 0, 0, 0)
    settled_notes: tuple[LimitNote, ...] = ()
    targets: Sequence[Priced] = ()
    tokens: int = 0

    def __init__(
        self,
        keeper: Keeper,
        plan: Plan,
        made: list[Part] | None,
        output_cap: int | None,
        ready: Ready = (),
        needs: Needs = (0, 0, 0, 0),
    ) -> None:
        self.keeper = keeper
        self.plan = plan
        self.made = made
        self.output_cap = output_cap
        self.ready = ready
        self.needs = needs

    @property
    def parts(self) -> list[Part]:
        """What the call has of each counter."""
        if self.made is None:
            needs, uses = self.needs, self.uses
            self.made = [Part(entry, held, kind, needs[kind], used=uses[kind]) for entry, held, kind in self.ready]
        return self.made

    def settle(self, attempts: Sequence[Ended]) -> None:
        """Keep what the attempts used, and give the rest back."""
        if self.settled:
            return
        self.settled = True
        tokens, money, unsure = _sums(attempts)
        if self.made is None and not unsure:
            self._settle_ready((1, 0, tokens, money))
            return
        cells = self.keeper.cells
        for part in self.parts:
            held, kind = part.held, part.kind
            if part.targets is not None or (unsure and kind >= TOKENS):
                used = self._used(part, attempts)
            elif kind == MONEY:
                used = money
            elif kind == TOKENS:
                used = tokens
            else:
                used = 1 - kind
            part.used = used
            held.open -= 1
            held.spent += used
            if part.need or not part.entry.soft:
                held.free = free = held.free + part.need + part.extra - used
                if free < 0:
                    self.keeper.trust(held, -free)
                elif held.lent:
                    self.keeper.take_back(held)
                cells[held.cell] = held.free

    def _settle_ready(self, uses: Needs) -> None:
        """The same of an ordinary call that needed nothing further, with the notes in the same turn."""
        self.uses = uses
        cells, needs = self.keeper.cells, self.needs
        notes: list[LimitNote] = []
        for entry, held, kind in self.ready:
            need, used, free = needs[kind], uses[kind], held.free
            held.open -= 1
            held.spent += used
            if need != used or free < 0:
                held.free = free = free + need - used
                if free < 0:
                    self.keeper.trust(held, -free)
                    free = held.free
                elif held.lent:
                    self.keeper.take_back(held)
                    free = held.free
                cells[held.cell] = free
            notes.append(LimitNote(entry.name, entry.measure, need, used, held.room + free))
        self.settled_notes = tuple(notes)

    def notes(self) -> tuple[LimitNote, ...]:
        """What the record of a call keeps of it."""
        if self.settled_notes:
            return self.settled_notes + self.refused
        notes: list[LimitNote] = []
        for part in self.parts:
            rule, held = part.entry.rule, part.held
            note = LimitNote(rule.name, rule.measure, part.need + part.extra, part.used, held.room + held.free)
            notes.append(note if not part.names else replace(note, about=part.names))
        return (*notes, *self.refused) if self.refused else tuple(notes)

    def again(self, attempts: Sequence[Ended]) -> Awaitable[None]:
        """Before a further attempt: see that what the earlier ones may have cost is covered beside it. Raises
        `LimitReached` or `Unavailable`; what was reserved stays so."""
        lacking: list[tuple[Part, int]] = []
        for part in self.parts:
            if part.kind >= TOKENS and not part.entry.soft:
                lacks = self._used(part, attempts) - part.extra
                if lacks > 0:
                    lacking.append((part, lacks))
        return cover(self, lacking)

    def hedge(self) -> bool:
        """Before a second attempt beside the first: reserve the worst case once more, if that much is at hand. A hedge
        is a luxury: for it nobody waits."""
        parts = [part for part in self.parts if part.kind >= TOKENS and not part.entry.soft]
        if any(part.held.free < part.need for part in parts):
            return False
        for part in parts:
            self.set_aside(part, part.need)
        return True

    def _used(self, part: Part, attempts: Sequence[Ended]) -> int:
        """What the attempts that a rule is about used of it, told or as it may have been."""
        kind, rule = part.kind, part.entry.rule
        about = [a for a in attempts if part.targets is None or (a.provider, a.model) in part.targets]
        if kind == REQUESTS:
            return 1 if about else 0
        if kind == CONCURRENCY:
            return 0
        total = 0
        for attempt in about:
            usage = attempt.usage
            if usage is None:
                total += self._most(part, attempt) if may_have_cost(attempt.fault) else 0
            elif usage.estimated and _is_guess(attempt, usage):
                total += self._most(part, attempt)
            elif kind == TOKENS:
                total += usage.total()
            elif attempt.cost.amount is not None:
                total += attempt.cost.amount
            else:
                total += {"refuse": part.need, "amount": rule.unknown_amount, "ignore": 0}[rule.unknown_price]
        return total

    def _most(self, part: Part, attempt: Ended) -> int:
        """What an attempt can have come to at most: at its own target's price, not at that of the dearest one that
        might have answered the call."""
        if part.kind != MONEY:
            return part.need
        output = self.needs[TOKENS] - self.tokens
        known = [
            target.worst.cost(self.tokens, output)
            for target in self.targets
            if target.worst is not None and (target.provider, target.upstream) == (attempt.provider, attempt.model)
        ]
        return min(part.need, max(known, default=part.need))

    def holdings(self, attempt: Ended) -> tuple[Holding, ...]:
        """Where that attempt, of which nobody knows yet what it uses, counts as the most that it can have come to."""
        about = (attempt.provider, attempt.model)
        parts = [part for part in self.parts if part.kind >= TOKENS and (part.targets is None or about in part.targets)]
        return tuple([holding_of(part, 0 if part.entry.soft else self._most(part, attempt)) for part in parts])

    def set_aside(self, part: Part, amount: int) -> None:
        """So much more is this call's."""
        held = part.held
        held.free -= amount
        self.keeper.cells[held.cell] = max(0, held.free)
        part.extra += amount

    def left(self) -> list[tuple[Rule, int, int]]:
        """Of every rule that tells it: the rule, what is left to this worker's knowledge, and when it resets (Unix
        ns)."""
        return [
            (part.entry.rule, max(0, part.held.room + part.held.free), part.held.end)
            for part in self.parts
            if part.entry.rule.headers
        ]


class Limiter:
    """One worker's limits."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self._plans: dict[str, tuple[ProjectLimits, dict[tuple[str, str], Plan]]] = {}

    def adopt(self, limits: Mapping[str, ProjectLimits]) -> None:
        """A new configuration is in force, by project id."""
        self._plans = {project: known for project, known in self._plans.items() if project in limits}
        self.keeper.adopt((project, rule) for project, known in limits.items() for rule in known.rules)

    def plan(self, limits: ProjectLimits, key: str, app: str) -> Plan:
        """The rules for that key's calls to that name; made once."""
        known = self._plans.get(limits.project_id)
        if known is not None and known[0] is limits and (plan := known[1].get((key, app))) is not None:
            return plan
        if known is None or known[0] is not limits:
            known = self._plans[limits.project_id] = (limits, {})
        if len(known[1]) > 10_000:  # names that clients make up must not fill the memory
            known[1].clear()
        plan = known[1][key, app] = self._compile(limits, key, app)
        return plan

    def _compile(self, limits: ProjectLimits, key: str, app: str) -> Plan:
        entries: list[Entry] = []
        counted = limits.counts_as.get(key, key)
        names = {key, limits.key_names.get(key, key), counted, *limits.aliases.get(key, ())}
        for rule in limits.rules:
            if rule.scope.key and not names & set(rule.scope.key):
                continue
            if rule.scope.app and app not in rule.scope.app:
                continue
            series, counter = series_of(limits.project_id, rule), None
            if not set(rule.per) - {"key", "app"}:
                counter = self.keeper.counter(
                    limits.project_id, rule, series, bucket_of(rule.per, {"key": counted, "app": app})
                )
            entries.append(Entry(limits.project_id, rule, series, counter))
        return Plan(entries, counted)

    def reserve_now(self, plan: Plan, facts: Facts) -> Reservation | None:
        """The ordinary path: a reservation if everything is at hand; None where `reserve` must look closer."""
        if plan.targeted:
            return self._at_once(plan, facts)
        now, tokens, output = facts.now_ns, facts.input_tokens, facts.output_tokens
        worsts = worsts_of(facts.targets)
        if plan.ordinary:
            made = self.take(plan, worsts, tokens, output, facts.choices, now)
            if made is not None:
                made.targets, made.tokens = facts.targets, tokens
            return made
        needs = _needs(plan, worsts, tokens, output, facts.choices)
        if needs is None:
            return None
        parts: list[Part] = []
        for entry in plan.entries:
            counter = entry.counter
            if not entry.plain:
                if not entry.is_about(facts):
                    continue
                if counter is None:
                    counter = self._counter_of(entry, facts)
                if entry.soft:
                    parts.append(Part(entry, counter.at(now), entry.kind, 0))
                    continue
            assert counter is not None
            held = counter.held
            if held is None or not held.start <= now < held.end or held.closing:
                held = counter.at(now)
            kind = entry.kind
            need = needs[kind]
            if held.free < need or (kind == CONCURRENCY and self.keeper.fenced()):
                return None
            parts.append(Part(entry, held, kind, need))
        return self._done(plan, facts, parts)

    def take(
        self, plan: Plan, worsts: Worsts, tokens: int, output: int | None, choices: int, now_ns: int
    ) -> Reservation | None:
        """`reserve_now` where the plan is ordinary: nothing else of a call's `Facts` matters there."""
        keeper = self.keeper
        if plan.turn != keeper.slots_turn or now_ns >= plan.ends or now_ns < plan.begins:
            self._look_up(plan, now_ns)
        needs = _needs(plan, worsts, tokens, output, choices)
        if needs is None or (plan.at_once and keeper.fenced()):
            return None
        ready, cells = plan.ready, keeper.cells
        for _, held, kind in ready:
            free = held.free - needs[kind]
            if free < 0:
                self._put_back(ready, held, needs)
                return None
            held.free = cells[held.cell] = free
            held.open += 1
            if free < held.low:
                keeper.wish(held)
        cap = plan.most_output if output is None and plan.cap else None
        return Reservation(keeper, plan, None, cap, ready, needs)

    def _put_back(self, ready: Ready, until: Held, needs: Needs) -> None:
        """What was taken of the slices before that one, which has not enough: all or nothing."""
        for _, held, kind in ready:
            if held is until:
                return
            held.free = self.keeper.cells[held.cell] = held.free + needs[kind]
            held.open -= 1

    def _look_up(self, plan: Plan, now: int) -> None:
        """The slices that an ordinary plan takes from at that moment; they may have to be opened."""
        ready = tuple((entry, entry.counter.at(now), entry.kind) for entry in plan.entries if entry.counter is not None)
        plan.ready, plan.turn = ready, self.keeper.slots_turn
        plan.begins = max((held.start for _, held, _ in ready), default=0)
        plan.ends = min((held.end for _, held, _ in ready), default=0)

    def done_of(self, plan: Plan, facts: Facts, wishes: list[Wish]) -> Reservation:
        """What these wishes come to, where `waits.enough` has found enough for each."""
        now = facts.now_ns
        return self._done(plan, facts, [_part(entry, at.at(now), need, about) for entry, at, need, about in wishes])

    def _done(self, plan: Plan, facts: Facts, parts: list[Part]) -> Reservation:
        keeper = self.keeper
        cells = keeper.cells
        for part in parts:
            held = part.held
            held.open += 1
            if part.need:
                held.free = free = held.free - part.need
                cells[held.cell] = free
                if free < held.low:
                    keeper.wish(held)
        cap = None
        if facts.output_tokens is None and plan.cap and any(part.need for part in parts if part.kind >= TOKENS):
            cap = plan.most_output
        tokens, output = facts.input_tokens, plan.most_output if facts.output_tokens is None else facts.output_tokens
        made = Reservation(keeper, plan, parts, cap, (), (1, 1, tokens + output * facts.choices, 0))
        made.targets, made.tokens = facts.targets, tokens
        if plan.soft:
            made.warnings = tuple(part.entry.rule.name for part in parts if part.entry.soft and _is_over(part))
        return made

    def _at_once(self, plan: Plan, facts: Facts) -> Reservation | None:
        """As `reserve_now`, where rules look at the targets."""
        now, parts = facts.now_ns, list[Part]()
        try:
            wishes = self.wishes(plan, facts)
        except PriceUnknown:
            return None
        for entry, counter, need, about in wishes:
            held = counter.at(now)
            if held.free < need or (entry.kind == CONCURRENCY and self.keeper.fenced()):
                return None
            parts.append(_part(entry, held, need, about))
        return self._done(plan, facts, parts)

    def _counter_of(self, entry: Entry, facts: Facts) -> Counter:
        """The count of what the client says of itself, for a rule that does not look at the targets."""
        told = (facts.feature, facts.user)
        known = entry.counters.get(told)
        if known is None:
            if len(entry.counters) > MOST_REMEMBERED:
                entry.counters.clear()
            known = entry.counters[told] = self._find(entry, facts, ("", ""))
        return known

    def _find(self, entry: Entry, facts: Facts, target: tuple[str, str]) -> Counter:
        named = {"key": facts.key, "app": facts.app, "feature": facts.feature, "user": facts.user}
        bucket = bucket_of(entry.per, {**named, "model": target[0], "provider": target[1]})
        return self.keeper.counter(entry.project, entry.rule, entry.series, bucket)

    def reserve(self, plan: Plan, facts: Facts) -> Coroutine[Any, Any, Reservation]:
        """Reserve the worst case of every rule, or of none. Raises `LimitReached`; `Unavailable` where a rule that must
        not be passed cannot be counted; `InvalidRequest` where a price is unknown and a rule refuses that."""
        return reserve(self, plan, facts)

    def refused(self, plan: Plan, facts: Facts, error: Refusal) -> list[Priced]:
        """The targets that this refusal is about: those its rule counts, or whose price it does not know; of a rule
        that does not look at targets all of them."""
        if isinstance(error, PriceUnknown):
            return [target for target in facts.targets if target.model == error.name]
        if isinstance(error, CannotCount):
            return list(facts.targets)
        for entry in plan.entries:
            if entry.rule is error.rule and entry.targeted:
                for values, targets in _by_target(entry, facts).items():
                    counter = entry.counter or self._find(entry, facts, values)
                    if counter.bucket == error.bucket:
                        return targets
        return list(facts.targets)

    def wishes(self, plan: Plan, facts: Facts) -> list[Wish]:
        """Every counter the call falls under, with the most it may need of it and the targets it is about."""
        output = facts.output_tokens if facts.output_tokens is not None else plan.most_output
        tokens = facts.input_tokens + output * facts.choices
        found: list[Wish] = []
        for entry in plan.entries:
            if not entry.is_about(facts):
                continue
            for values, targets in _by_target(entry, facts).items():
                need = 0 if entry.soft else 1
                if entry.soft:
                    pass  # it only counts, at the end
                elif entry.kind == TOKENS:
                    need = tokens
                elif entry.kind == MONEY:
                    need = max(_money(entry.rule, target, facts, output * facts.choices) for target in targets)
                counter = entry.counter or self._find(entry, facts, values)
                found.append((entry, counter, need, targets if entry.targeted else None))
        return found


def _needs(plan: Plan, worsts: Worsts, tokens: int, output: int | None, choices: int) -> Needs | None:
    """What a call needs at most; None where a plan counts money and a price is not known."""
    output = (plan.most_output if output is None else output) * choices
    money = 0
    if plan.money:
        if worsts is None:
            return None
        for worst in worsts:
            cost = worst.cost(tokens, output)
            if cost > money:
                money = cost
    return 1, 1, tokens + output, money


def _part(entry: Entry, held: Held, need: int, about: list[Priced] | None) -> Part:
    if about is None:
        return Part(entry, held, entry.kind, need)
    pairs = frozenset((target.provider, target.upstream) for target in about)
    return Part(entry, held, entry.kind, need, pairs, names=tuple(target.model for target in about))


def holding_of(part: Part, amount: int) -> Holding:
    rule, held = part.entry.rule, part.held
    counter = held.counter
    return Holding(
        project_id=counter.project_id,
        limit=rule.name,
        measure=rule.measure,
        series=counter.series,
        bucket=counter.bucket,
        start=held.start // MS,
        since=held.since // MS,
        counts_until=(held.end + lasts_ns(counter.window)) // MS + GRACE_MS,
        amount=amount,
        bound=rule.bound,
        soft=part.entry.soft,
        unpriced={"refuse": None, "amount": rule.unknown_amount, "ignore": 0}[rule.unknown_price],
    )


def bucket_of(per: Sequence[Dimension], values: Mapping[str, str]) -> str:
    """The name of the count of these values: JSON, so that no two sets of values share one. What is too long for a
    column is told by its digest."""
    text = msgspec.json.encode([values[dimension] for dimension in per]).decode()
    if len(text) <= LONGEST_BUCKET:
        return text
    return text[:400] + "#" + hashlib.sha256(text.encode()).hexdigest()


def _is_over(part: Part) -> bool:
    """Whether a soft rule is over its bound, as far as this worker knows."""
    held = part.held
    return held.told + held.spent - held.reported >= part.entry.rule.bound


def _by_target(entry: Entry, facts: Facts) -> dict[tuple[str, str], list[Priced]]:
    """The targets that a rule is about, by the values of its ``per`` dimensions among model and provider."""
    if not entry.targeted:
        return {("", ""): list(facts.targets)}
    found: dict[tuple[str, str], list[Priced]] = {}
    for target in facts.targets:
        if entry.models is not None and target.model not in entry.models:
            continue
        if entry.providers is not None and target.provider not in entry.providers:
            continue
        model = target.model if "model" in entry.per else ""
        provider = target.provider if "provider" in entry.per else ""
        found.setdefault((model, provider), []).append(target)
    return found


def _money(rule: Rule, target: Priced, facts: Facts, output: int) -> int:
    if target.worst is not None:
        return target.worst.cost(facts.input_tokens, output)
    if rule.unknown_price == "refuse":
        raise PriceUnknown(rule, target.model)
    return rule.unknown_amount if rule.unknown_price == "amount" else 0


def _sums(attempts: Sequence[Ended]) -> tuple[int, int, bool]:
    """Tokens and picodollars of all attempts, and whether some of it is not known."""
    tokens = money = 0
    unsure = False
    for attempt in attempts:
        usage = attempt.usage
        if usage is None:
            unsure = unsure or may_have_cost(attempt.fault)
        else:
            tokens += usage.input + usage.cache_read + usage.cache_write + usage.output + usage.reasoning
            if attempt.cost.amount is None or (usage.estimated and _is_guess(attempt, usage)):
                unsure = True
            else:
                money += attempt.cost.amount
    return tokens, money, unsure


def may_have_cost(fault: EndedBadly | None) -> bool:
    """Asked, and never heard what it used: the provider may bill it, so its worst case stays counted. Not all that
    answers tells: speech, say, or a response that its provider goes on making."""
    if fault is None or fault.code == DEADLINE:
        return True
    return fault.source == "network" and fault.code not in NOT_ASKED


def _is_guess(attempt: Ended, usage: Usage) -> bool:
    """A whole answer that nobody waited for: its row counts the question only, but it may have been written and
    billed. A stream that was cut tells what had been written."""
    return not attempt.stream and not usage.output
