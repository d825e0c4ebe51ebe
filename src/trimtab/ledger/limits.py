"""What a limit is: a scope, a measure, a window and a bound; and the rules that a sound one keeps.

    rule    = scope x measure x window x bound, hard (refuses) or soft (tells)
    scope   = any conjunction of key, app, feature, user, model and provider, each one of a list; always one project
    per     = dimensions of which each value has a count of its own ("each user")
    measure = requests | tokens | concurrency | money

A counter is named by its rule's *series*: everything that says what is counted, and not how much of it is allowed. So a
bound may be raised or lowered and the count goes on; a rule that counts something else starts a count of its own.
"""

import hashlib
import re
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.windows import WINDOWS, Window, check_zone

Measure = Literal["requests", "tokens", "concurrency", "money"]
Dimension = Literal["key", "app", "feature", "user", "model", "provider"]
Mode = Literal["hard", "soft"]
UnknownPrice = Literal["refuse", "amount", "ignore"]
WhenAway = Literal["refuse", "allow"]

MEASURES: tuple[Measure, ...] = ("requests", "tokens", "concurrency", "money")
DIMENSIONS: tuple[Dimension, ...] = ("key", "app", "feature", "user", "model", "provider")
PICO = 1_000_000_000_000
MOST = 9 * 10**18
"""The largest bound: what a signed 64-bit column holds. In money that is nine million dollars a window."""
MAX_OUTPUT = 8192
"""Tokens that an answer may have where the caller sets no bound: reserved, and sent to the provider as its bound."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Scope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which calls a rule is about: of every dimension that lists something, the call's value must be listed.

    ``key`` lists ids or names of keys; ``app`` the names that clients call; ``feature`` and ``user`` are what the
    client says (``trimtab-feature``, ``trimtab-user`` or the dialect's own field); ``model`` and ``provider`` are those
    of the target that is asked.
    """

    key: tuple[str, ...] = ()
    app: tuple[str, ...] = ()
    feature: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``bound`` is a count, or picodollars for money. ``catalog_down`` says what happens when the counts cannot be
    reached and what this worker holds is used up; None is `when_away`'s default. ``unknown_amount`` (picodollars a
    call) belongs to the policy ``amount``. ``headers``: tell what is left on every answer."""

    name: str
    measure: Measure
    bound: int
    window: Window = "none"
    timezone: str = "UTC"
    scope: Scope = Scope()
    per: tuple[Dimension, ...] = ()
    mode: Mode = "hard"
    unknown_price: UnknownPrice = "refuse"
    unknown_amount: int = 0
    catalog_down: WhenAway | None = None
    max_output: int = MAX_OUTPUT
    cap_output: bool = True
    headers: bool = False


def when_away(rule: Rule) -> WhenAway:
    """The rule's own word, or its measure's default: money is not spent on trust; a rate that cannot be counted for a
    minute harms less than an outage."""
    return rule.catalog_down or ("refuse" if rule.measure == "money" else "allow")


def series_of(project_id: str, rule: Rule) -> str:
    """The name of what the rule counts: 32 hex digits."""
    told = (
        project_id,
        rule.name,
        rule.measure,
        rule.window,
        rule.timezone,
        rule.mode,
        *(sorted(getattr(rule.scope, dimension)) for dimension in DIMENSIONS),
        sorted(rule.per),
    )
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]


def check_rule(rule: Rule) -> None:
    """Raises `InvalidRequest` that names the field and the way out."""
    if not _NAME.fullmatch(rule.name):
        raise InvalidRequest(
            f"{rule.name[:80]!r} cannot be a limit's name.",
            fix="Use up to 63 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit.",
            param="name",
        )
    _check_bound(rule)
    _check_window(rule)
    check_zone(rule.timezone)
    _check_scope(rule)
    if not 1 <= rule.max_output <= 10_000_000:
        raise InvalidRequest("'max_output' must be 1 to 10000000 tokens.", fix="Give e.g. 8192.", param="max_output")
    if rule.unknown_price == "amount" and not 0 < rule.unknown_amount <= MOST:
        raise InvalidRequest(
            "The policy 'amount' for unknown prices needs the amount.",
            fix="Give 'unknown_amount' in US dollars a call, e.g. '0.05'.",
            param="unknown_amount",
        )


def _check_bound(rule: Rule) -> None:
    if not 0 <= rule.bound <= MOST:
        most = "9000000 US dollars" if rule.measure == "money" else str(MOST)
        raise InvalidRequest(f"The bound must be between 0 and {most}.", fix="Give a number there.", param="bound")


def _check_window(rule: Rule) -> None:
    if rule.window not in WINDOWS:
        raise InvalidRequest(
            f"There is no window {str(rule.window)[:40]!r}.", fix=f"Use one of: {', '.join(WINDOWS)}.", param="window"
        )
    if rule.measure == "concurrency" and rule.window != "none":
        raise InvalidRequest(
            "Concurrency is counted at a moment and has no window.", fix="Leave 'window' out.", param="window"
        )
    if rule.measure != "concurrency" and rule.window == "none":
        fix = "Add 'window', e.g. minute, day, month or rolling_hour."
        raise InvalidRequest(f"A limit on {rule.measure} needs a window.", fix=fix, param="window")
    if rule.measure == "concurrency" and rule.mode == "soft":
        raise InvalidRequest(
            "A soft limit on concurrency has nothing to tell at the end of a call.",
            fix="Make it hard, or watch the calls in flight in the metrics.",
            param="mode",
        )


def _check_scope(rule: Rule) -> None:
    for dimension in DIMENSIONS:
        values: tuple[str, ...] = getattr(rule.scope, dimension)
        if len(values) > 100 or any(not value or len(value) > 300 or not value.isprintable() for value in values):
            raise InvalidRequest(
                f"The scope's {dimension!r} must list at most 100 values of 1 to 300 printable characters.",
                fix="Shorten the list, or leave it out for every value.",
                param=f"scope.{dimension}",
            )
    if len(set(rule.per)) != len(rule.per) or any(part not in DIMENSIONS for part in rule.per):
        raise InvalidRequest(
            "'per' must list dimensions, each once.", fix=f"Use some of: {', '.join(DIMENSIONS)}.", param="per"
        )


def picodollars(text: str, *, param: str = "bound") -> int:
    """A decimal string of US dollars as whole picodollars. Raises `InvalidRequest`."""
    try:
        amount = Decimal(text)
        whole = amount * PICO
        if not amount.is_finite() or whole != whole.to_integral_value() or not 0 <= whole <= MOST:
            raise InvalidOperation
    except ArithmeticError:
        raise InvalidRequest(
            f"{text[:40]!r} is not an amount of US dollars between 0 and 9000000 with at most 12 decimals.",
            fix="Give e.g. '25' or '0.50'.",
            param=param,
        ) from None
    return int(whole)


def dollars(pico: int) -> str:
    """Picodollars as a plain decimal string of US dollars."""
    return format((Decimal(pico) / PICO).normalize(), "f") if pico else "0"


def amount_text(measure: Measure, value: int) -> str:
    """A count or an amount, for people and for the API."""
    return dollars(value) if measure == "money" else str(value)
