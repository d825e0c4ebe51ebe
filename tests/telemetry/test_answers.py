"""Rows of the store become views."""

import msgspec

from trimtab.telemetry.answers import PORTION, span_lines, trace_detail, trace_of

TRACE = "a" * 32
T0 = 1_750_000_000_000_000_000


def line(number: int, about: str) -> bytes:
    """The row of a span (`shown.COLUMNS`): an agent's, or of one of its calls of a model."""
    top = number == 0
    ids = [TRACE, f"{number:016x}", "" if top else f"{0:016x}", "", "agent" if top else "llm", f"step {number}", "ok"]
    times = [T0 + number * 1_000_000, 5_000_000, None]
    names = ["fast", "fast", "lab", "", "", "", "", "", "", "", [about], 0, "stop", 200, "", ""]
    used = [number % 7, 0, 0, 3, 0, 0, number, "", 1, 0]
    return msgspec.json.encode([*ids, *times, *names, *used, about, "", int(top), int(not top), 0, {"n": "1"}, ""])


def test_a_trace_read_in_portions_is_the_trace() -> None:
    assert trace_of(TRACE, b"") is None
    for count, about in ((1, "x"), (3, "x" * PORTION), (2_000, "a text, ü, with \\ and a line\nend"), (4_000, "")):
        data = b"\n".join(line(number, about) for number in range(count))
        assert count == 1 or len(data) > 2 * PORTION
        for rows in (data, data + b"\n"):  # as the store answers: each line has its end
            found = trace_of(TRACE, rows)
            assert found == trace_detail(TRACE, span_lines(data))
            assert found is not None
            assert [span.span_id for span in found.spans] == [f"{number:016x}" for number in range(count)]
            assert found.tokens.output == 3 * (count - 1)
