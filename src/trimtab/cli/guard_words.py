"""What guards decided about a call, as lines of a table."""

from collections.abc import Iterable

from trimtab.sdk.guard_types import GuardVerdict

HEAD = ("GUARD", "AT", "DECIDED", "SCORE", "WHY")


def rows(verdicts: Iterable[GuardVerdict]) -> list[tuple[object, ...]]:
    return [
        (
            f"{each.guard}@{each.version}",
            each.stage,
            each.action if each.mode == "enforce" else f"would {each.action}",
            f"{each.score:.2f}",
            " ".join(_why(each)) or None,
        )
        for each in verdicts
    ]


def _why(line: GuardVerdict) -> Iterable[str]:
    if line.failed or line.reason:
        yield line.failed or line.reason
    if line.unread:
        yield f"It could not read {', '.join(f'{count} {kind}' for kind, count in sorted(line.unread.items()))}."
    if line.raised_to:
        yield f"It raised the class of the data from {line.raised_from} to {line.raised_to}."
