"""What an environment asks for before a release may run in it, and what of that is there. Pure.

Four demands: a gate's verdict about this very content, approvals by people who did not make it, a note, and no freeze
at the moment. Each is looked at by itself, so that a person sees all that lacks at once. Going back asks for
nothing of this, ever.
"""

import re
from datetime import datetime, time, timedelta, tzinfo
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.ledger.windows import check_zone
from trimtab.releases.types import Approval, Freeze, GateVerdict, Protection, SuiteEvidence

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PASSED: Final = ("better", "not_worse")
SUITE: Final = "evaluation:"
"""How the source of a verdict begins that an experiment made; a suite's name follows."""
MAX_SUITES: Final = 20
_SUITE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
MAX_FREEZES: Final = 50
DAY_MS: Final = 86_400_000
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_NEXT: Final = 60
"""Occurrences that are looked through for the end of a freeze: those of a week and what they run into."""

Demand = Literal["gate", "approvals", "note", "freeze"]


class Subject(Struct, frozen=True, kw_only=True):
    """The release that wants to run: its number, the hash of its content, and the ids of all who made it what it is."""

    number: int
    hash: str
    authors: frozenset[str]


class Shown(Struct, frozen=True, kw_only=True):
    """What there is in favour of a release in one environment."""

    verdicts: tuple[GateVerdict, ...] = ()
    approvals: tuple[Approval, ...] = ()
    note: str = ""


class Check(Struct, frozen=True, kw_only=True):
    """One demand: whether it is met, what was found, and how to meet it where it is not."""

    demand: Demand
    met: bool
    detail: str
    fix: str = ""


class Readiness(Struct, frozen=True, kw_only=True):
    """Every demand of an environment; none at all where it is not protected."""

    ready: bool
    checks: tuple[Check, ...]

    def lacking(self) -> tuple[Check, ...]:
        return tuple(each for each in self.checks if not each.met)


def readiness(protection: Protection, subject: Subject, shown: Shown, now: int) -> Readiness:
    """What ``protection`` asks for and whether it is there at ``now`` (Unix ms)."""
    checks: list[Check] = []
    if protection.gate or protection.suites:
        checks.append(_gate(protection, subject, shown.verdicts, now))
    if protection.approvals:
        checks.append(_approvals(protection, subject, shown.approvals))
    if protection.note:
        met = bool(shown.note.strip())
        checks.append(
            Check(demand="note", met=met, detail="A note says why." if met else "There is no note.",
                  fix="" if met else "Say in a sentence what changes and why.")
        )  # fmt: skip
    if protection.freezes:
        checks.append(_freeze(protection, now))
    return Readiness(ready=all(each.met for each in checks), checks=tuple(checks))


def refuse(found: Readiness, environment: str) -> None:
    """Raises `Conflict` that names all that lacks; nothing where all is there."""
    lacking = found.lacking()
    if lacking:
        raise Conflict(
            f"{environment} is protected: {' '.join(each.detail for each in lacking)}",
            fix=" ".join(dict.fromkeys(each.fix for each in lacking))
            + " In an emergency 'override' with a reason does without; it is written down.",
            code="not_ready",
        )


def _gate(protection: Protection, subject: Subject, verdicts: tuple[GateVerdict, ...], now: int) -> Check:
    """Of every source the newest verdict counts, as long as it is fresh: one that fails is not outvoted. Each suite
    that is demanded has to be among them."""
    oldest = now - int(protection.gate_days * DAY_MS)
    newest: dict[str, GateVerdict] = {}
    for each in sorted(verdicts, key=lambda verdict: (verdict.created, verdict.id)):
        if each.hash == subject.hash and each.created >= oldest:
            newest[each.source] = each
    stale = {name for name, each in newest.items() if _is_stale(each, now)}
    counted = {name: each for name, each in newest.items() if name not in stale}
    failing = [each for each in counted.values() if not has_passed(each)]
    if failing:
        told = ", ".join(map(_told, failing))
        return Check(demand="gate", met=False, detail=f"The gate has not passed: {told}.", fix="Run the gate again.")
    missing = [name for name in protection.suites if f"{SUITE}{name}" not in counted]
    if missing or not counted:
        return _lacking(protection, subject, missing, stale)
    told = ", ".join(map(_told, counted.values()))
    return Check(demand="gate", met=True, detail=f"The gate has passed: {told}.")


def evidence(verdict: GateVerdict) -> SuiteEvidence | None:
    """What evaluation wrote beside its verdict; None of anybody else's."""
    if not verdict.source.startswith(SUITE):
        return None
    try:
        return msgspec.json.decode(verdict.detail, type=SuiteEvidence)
    except msgspec.MsgspecError:
        return None


def has_passed(verdict: GateVerdict) -> bool:
    """By its outcome; evaluation's by the suite's own rule, too."""
    found = evidence(verdict)
    return verdict.outcome in PASSED and (found is None or (found.passed and not found.refused))


def _is_stale(verdict: GateVerdict, now: int) -> bool:
    found = evidence(verdict)
    return found is not None and found.fresh_until <= now


def _told(verdict: GateVerdict) -> str:
    found = evidence(verdict)
    who = verdict.source if found is None else f"the suite {found.suite}"
    why = f" ({found.refused})" if found is not None and found.refused else ""
    return f"{who} says {verdict.outcome.replace('_', ' ')}{why}"


def _lacking(protection: Protection, subject: Subject, missing: list[str], stale: set[str]) -> Check:
    if missing:
        old = any(f"{SUITE}{name}" in stale for name in missing)
        names = ", ".join(missing)
        return Check(
            demand="gate",
            met=False,
            detail=f"There is no fresh run of {names} on r{subject.number}{': the last is too old' if old else ''}.",
            fix=f"Run it: trimtab eval {missing[0]} --release APP@r{subject.number}.",
        )
    return Check(
        demand="gate",
        met=False,
        detail=f"There is no verdict about r{subject.number} of the last {protection.gate_days:g} days.",
        fix="Run the gate.",
    )


def counting(approvals: tuple[Approval, ...], authors: frozenset[str]) -> list[Approval]:
    """One of each person, and none of those who made it."""
    return list({each.author: each for each in approvals if each.author not in authors}.values())


def _approvals(protection: Protection, subject: Subject, approvals: tuple[Approval, ...]) -> Check:
    given, wanted = counting(approvals, subject.authors), protection.approvals
    names = f" ({', '.join(each.author_name for each in given)})" if given else ""
    detail = f"{len(given)} of {wanted} approvals are given{names}."
    met = len(given) >= wanted
    fix = "Have somebody approve it who did not make it: trimtab release approve."
    return Check(demand="approvals", met=met, detail=detail, fix="" if met else fix)


def _freeze(protection: Protection, now: int) -> Check:
    found = frozen(protection.freezes, now)
    if found is None:
        return Check(demand="freeze", met=True, detail="Nothing is frozen now.")
    freeze, until = found
    told = "for ever" if until is None else f"until {_local(until, freeze)}"
    return Check(
        demand="freeze",
        met=False,
        detail=f"Changes are frozen {told} ({freeze.name}).",
        fix="Wait until then.",
    )


def _local(at: int, freeze: Freeze) -> str:
    zone = datetime.fromisoformat(freeze.start).tzinfo if freeze.start else _zone(freeze)
    return datetime.fromtimestamp(at / 1000, tz=zone).strftime("%Y-%m-%d %H:%M %z")


# --- freezes ---


def frozen(freezes: tuple[Freeze, ...], now: int) -> tuple[Freeze, int | None] | None:
    """The first freeze that holds at ``now`` and when the freezing ends, all of them together (Unix ms; None: it does
    not within two months). None while nothing is frozen."""
    held = next((each for each in freezes if _ends(each, now) is not None), None)
    if held is None:
        return None
    at = now
    for _ in range(_NEXT):
        ends = [end for each in freezes if (end := _ends(each, at)) is not None]
        if not ends:
            return held, at
        at = max(ends)
    return held, None


def _ends(freeze: Freeze, now: int) -> int | None:
    """When the occurrence that holds at ``now`` ends; None where none does."""
    if freeze.start:
        start, end = (int(datetime.fromisoformat(each).timestamp() * 1000) for each in (freeze.start, freeze.end))
        return end if start <= now < end else None
    local = datetime.fromtimestamp(now / 1000, tz=_zone(freeze))
    after, before = _clock(freeze.after), _clock(freeze.before)
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if DAYS[day.weekday()] in freeze.days:
            ends = day if after < before else day + timedelta(days=1)
            first = datetime.combine(day, after, tzinfo=local.tzinfo).timestamp() * 1000
            last = datetime.combine(ends, before, tzinfo=local.tzinfo).timestamp() * 1000
            if first <= now < last:
                return int(last)
    return None


def _clock(text: str) -> time:
    return time.fromisoformat(text or "00:00")


def _zone(freeze: Freeze) -> tzinfo:
    return ZoneInfo(freeze.timezone)


# --- what people write ---


def check(protection: Protection) -> Protection:
    """Raises `InvalidRequest` for what cannot be meant."""
    if not 0 < protection.gate_days <= 3660:
        raise _wrong("'gate_days' is more than 0 and at most 3660.", "gate_days")
    if len(protection.suites) > MAX_SUITES or not all(map(_SUITE.fullmatch, protection.suites)):
        raise _wrong(f"'suites' are at most {MAX_SUITES} names of suites.", "suites")
    if len(protection.freezes) > MAX_FREEZES:
        raise _wrong(f"An environment has at most {MAX_FREEZES} freezes.", "freezes")
    for each in protection.freezes:
        _check_freeze(each)
    return protection


def _check_freeze(freeze: Freeze) -> None:
    if not freeze.name.strip() or len(freeze.name) > 100 or not freeze.name.isprintable():
        raise _wrong("A freeze has a name of at most 100 characters on one line.", "freezes")
    once, weekly = bool(freeze.start or freeze.end), bool(freeze.days or freeze.after or freeze.before)
    if once == weekly:
        raise _wrong(
            f"The freeze {freeze.name!r} holds either once ('start' and 'end') or every week ('days').", "freezes"
        )
    check_zone(freeze.timezone)
    if once:
        start, end = _moment(freeze, freeze.start), _moment(freeze, freeze.end)
        if start >= end:
            raise _wrong(f"The freeze {freeze.name!r} ends before it starts.", "freezes")
        return
    if not freeze.days or set(freeze.days) - set(DAYS):
        raise _wrong(f"The days of the freeze {freeze.name!r} are some of {', '.join(DAYS)}.", "freezes")
    for told in (freeze.after, freeze.before):
        if told and not _CLOCK.fullmatch(told):
            raise _wrong(f"{told[:20]!r} in the freeze {freeze.name!r} is no time such as 18:30.", "freezes")


def _moment(freeze: Freeze, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None and 1970 < found.year < 9990:
            return found
    except ValueError:
        pass
    raise _wrong(
        f"{text[:40]!r} in the freeze {freeze.name!r} is no moment with its offset, as 2026-12-24T18:00:00+01:00.",
        "freezes",
    )


def _wrong(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, fix="docs/environments.md shows an example.", param=param)
