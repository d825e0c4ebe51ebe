"""What a guard's report says in a sentence: what it does, and not what it was never to do."""

import pytest

from trimtab.guard import points
from trimtab.guard.store import GuardVersion
from trimtab.guard.types import GuardSpec
from trimtab.server.api.guards import say
from trimtab.telemetry.guard_query import Report

SAID: list[tuple[str, dict[str, int], dict[str, int], int, str]] = [
    ("block", {}, {"block": 14, "allow": 79_986}, 0, "It would have stopped 14 of 80,000 calls."),
    ("redact", {"redact": 12, "allow": 88}, {}, 0, "It took something out of 12 of 100 calls."),
    ("redact", {"allow": 5}, {}, 2, "It took something out of 0 of 5 calls. It could not tell 2 times."),
    ("redact", {"redact": 1, "block": 2}, {}, 0, "It took something out of 1 of 3 calls. It stopped 2."),
    ("flag", {"flag": 3, "allow": 1}, {"redact": 1}, 0,
     "It flagged 3 of 4 calls. It would have flagged 0 of 1 calls. It would have taken something out of 1."),
    ("escalate", {"escalate": 1, "block": 1}, {}, 0, "It stopped 2 of 2 calls."),
    ("flag", {}, {}, 0, "It has looked at no call in this window."),
]  # fmt: skip


@pytest.mark.parametrize(("action", "did", "would", "failed", "said"), SAID)
def test_a_report_begins_with_what_the_guard_is_set_to_do(
    action: str, did: dict[str, int], would: dict[str, int], failed: int, said: str
) -> None:
    calls = sum(did.values()) + sum(would.values())
    assert (
        say(Report(calls=calls, enforced=did, would_have=would, failed=failed, unread=0, examples=()), action) == said
    )


def version(number: int, **fields: object) -> GuardVersion:
    spec = GuardSpec(kind="injection", **fields)  # pyright: ignore[reportArgumentType]
    return GuardVersion(
        project_id="p", name="g", version=number, spec=spec, hash="", author="", author_name="", message="",
        archived=None, created=1_795_000_000_000 + number,
    )  # fmt: skip


def test_a_report_says_since_when_the_guard_judges_as_it_does_now() -> None:
    first, other, shown = version(1), version(2, threshold=0.8), version(3, threshold=0.8, mode="shadow")
    assert points.turned([shown, other, first]) == other, "whether it acts changes nothing of how it judges"
    assert points.turned([first]) is None
    assert points.turned([]) is None
    found = Report(calls=2, enforced={"flag": 1, "allow": 1}, would_have={}, failed=0, unread=0, examples=())
    assert say(found, "flag", other) == (
        "It flagged 1 of 2 calls. Before 2026-11-18 11:06 UTC it judged otherwise (version 2 changed that)."
    )
