"""The suite: runs every check through every front and says what came of each.

A check is a file of `checks/`; its name is the capability it shows. It returns the evidence for a pass, or raises one
of the three other ends. A server's refusal ends it too: as ``not_supported`` where the check is of something that a
model may lack, else as ``fail``; what is not about the request (a limit, an outage, a key) is ``could_not_tell``.
"""

import time
from collections.abc import Callable, Iterable

import httpx
from msgspec import Struct

from trimtab.cli.conformance.client import FrontClient, Refused
from trimtab.core.errors import InvalidRequest, TrimtabError, UpstreamFailure
from trimtab.core.registry import Registry
from trimtab.sdk.types import CheckResult, Trace

SUITE = "1"
"""The checks' version: it counts up when a result could differ for the same model."""
_LONGEST = 600


class Fails(Exception):
    """It was tried, and what came is wrong; the text is the evidence."""


class NotSupported(Exception):
    """It was tried, and the model or the front has no such thing; the text says how that was told."""


class CannotTell(Exception):
    """Nothing was shown either way; the text says why."""


class Bench(Struct, frozen=True, kw_only=True):
    """What a check works with. ``trace`` fetches a call's trace by its id once it is there, or None; ``post`` sends any
    body to any path of the data plane (for what is no chat)."""

    front: FrontClient
    trace: Callable[[str], Trace | None]
    url: str


class Check(Struct, frozen=True, kw_only=True):
    """``optional``: a model may lack it. ``once``: it is not of a front; it is tried through the first one only and
    reported under ``front``."""

    title: str
    run: Callable[[Bench], str]
    optional: bool = True
    once: str = ""


CHECKS: Registry[Check] = Registry("conformance checks", "trimtab.cli.conformance.checks")


def run(
    benches: dict[str, Bench], names: Iterable[str], told: Callable[[CheckResult, float], None]
) -> list[CheckResult]:
    """Every check of ``names`` through every front of ``benches``; ``told`` hears of each result as it comes, with the
    seconds it took."""
    results: list[CheckResult] = []
    for name in names:
        check = CHECKS.get(name)
        for front, bench in benches.items():
            began = time.monotonic()
            result = _one(name, check, check.once or front, bench)
            results.append(result)
            told(result, time.monotonic() - began)
            if check.once:
                break
    return results


def _one(name: str, check: Check, front: str, bench: Bench) -> CheckResult:
    outcome, evidence = _tried(check, bench)
    return CheckResult(check=name, front=front, outcome=outcome, evidence=clip(evidence) or "It said nothing.")


def _tried(check: Check, bench: Bench) -> tuple[str, str]:
    try:
        evidence = check.run(bench)
        return ("pass", evidence) if evidence else ("could_not_tell", "The check showed no evidence.")
    except Fails as wrong:
        return "fail", str(wrong)
    except NotSupported as lacking:
        return "not_supported", str(lacking)
    except CannotTell as why:
        return "could_not_tell", str(why)
    except Refused as refused:
        return _refused(check, refused)
    except UpstreamFailure as broken:
        return "fail", f"The answer cannot be read: {broken.message}"
    except InvalidRequest as unsaid:  # the front's dialect has no words for what the check asks
        return "not_supported", unsaid.message
    except TrimtabError as error:  # of the management API: the key may not read traces, or the server went away
        return "could_not_tell", error.sentence()
    except httpx.HTTPError as error:
        return "could_not_tell", f"The connection failed: {type(error).__name__}: {error}"


def _refused(check: Check, refused: Refused) -> tuple[str, str]:
    if not refused.is_refusal:
        return "could_not_tell", str(refused)
    return ("not_supported" if check.optional else "fail"), str(refused)


def clip(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
