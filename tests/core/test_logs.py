"""What the server says: one line per event, which nobody outside can forge."""

import io
import json
import logging
from typing import Any

from trimtab.core.logs import REMEMBERED, JsonLines, Lines, PlainLines


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "trimtab.test", "levelno": 30, "levelname": "WARNING", "msg": message})
    made.__dict__.update(extra)
    return made


def test_an_event_is_one_line_of_json_with_its_extras() -> None:
    line = JsonLines().format(record("ready", url="http://x", seconds=1.5))
    told = json.loads(line)
    assert (told["message"], told["level"], told["logger"]) == ("ready", "warning", "trimtab.test")
    assert (told["url"], told["seconds"]) == ("http://x", 1.5)


def test_a_newline_or_an_escape_in_a_foreign_value_forges_no_line() -> None:
    hostile = 'model "x\n{"level": "error"}\x1b[31m'
    for form in (JsonLines(), PlainLines()):
        line = form.format(record(hostile))
        assert len(line.splitlines()) == 1
        assert "\x1b" not in line


def test_an_exception_comes_with_its_trace() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        import sys

        made = logging.LogRecord("t", 40, "f", 1, "broke", None, sys.exc_info())
    assert "ValueError: why" in json.loads(JsonLines().format(made))["error"]


class Log:
    """A log whose time stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stream = io.StringIO()
        self.handler = Lines(self.stream, lambda: self.now)
        self.handler.setFormatter(JsonLines())

    def say(self, message: str, times: int = 1, **extra: object) -> None:
        for _ in range(times):
            self.handler.handle(record(message, **extra))

    def told(self) -> list[tuple[str, int]]:
        """Each line since the last look, and how often it was held back before."""
        lines: list[dict[str, Any]] = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return [(line["message"], line.get("repeated", 0)) for line in lines]


def test_a_line_that_is_said_again_and_again_is_written_a_few_times_and_then_counted() -> None:
    log = Log()
    log.say("the catalog is away", 20)
    log.say("something else")
    assert log.told() == [*[("the catalog is away", 0)] * 3, ("something else", 0)]
    log.now = 59.0
    log.say("the catalog is away")
    assert log.told() == []
    log.now = 61.0
    log.say("the catalog is there")
    assert log.told() == [("the catalog is away", 18), ("the catalog is there", 0)]
    log.say("the catalog is away")
    assert log.told() == [("the catalog is away", 0)]


def test_traces_and_lines_with_more_than_their_words_are_always_written() -> None:
    log = Log()
    log.say("took over", 10, holds=3)
    try:
        raise ValueError
    except ValueError as error:
        log.say("it broke", 10, exc_info=(ValueError, error, None))
    assert len(log.told()) == 20


def test_a_flood_of_different_lines_is_written_and_fills_no_memory() -> None:
    log = Log()
    log.say("first", 5)
    for number in range(3 * REMEMBERED):
        log.say(f"line {number}")
    told = log.told()
    assert len(told) == 3 + 1 + 3 * REMEMBERED
    assert ("first", 2) in told
    assert len(log.handler._said) <= REMEMBERED  # pyright: ignore[reportPrivateUsage]


def test_a_line_whose_words_and_arguments_do_not_fit_breaks_nobody() -> None:
    log = Log()
    broken = record("%d of %d")
    broken.args = ("x",)
    logging.raiseExceptions, before = False, logging.raiseExceptions
    try:
        log.handler.handle(broken)
    finally:
        logging.raiseExceptions = before
    log.say("well")
    assert log.told() == [("well", 0)]


def test_a_person_who_watches_is_told_how_often() -> None:
    assert PlainLines().format(record("away", repeated=7)).endswith("warning away (and 7 times more)")
