"""What the server says: one line per event, which nobody outside can forge."""

import json
import logging

from trimtab.core.logs import JsonLines, PlainLines


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
