"""Reports and cards of compliance as text: one thing below the other, so that 80 columns hold it. Pure."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

SHOWN: Final = {
    "shown": "records",
    "partly": "some records",
    "nothing_yet": "no record yet",
    "not_here": "not shown here",
}
_IN: Final = "  "


def report_lines(report: Mapping[str, Any], width: int) -> list[str]:
    """The period, the evidence, section by section, then each framework's controls."""
    lines = [*_wrapped(days(report["period"]), width, ""), "", *_sections(report["sections"], width)]
    for framework in report["frameworks"]:
        lines += ["", *_wrapped(f"{framework['title']} ({framework['edition']})", width, "")]
        for control in framework["controls"]:
            lines += _control(control, width)
    return lines


def days(period: Mapping[str, int]) -> str:
    """The first and the last day of a period of Unix ms, whose end is no more in it."""
    first, last = (datetime.fromtimestamp(ms / 1000, UTC).date() for ms in (period["start"], period["end"] - 1))
    return f"Of {first} to {last}, both days (UTC)"


def card_lines(card: Mapping[str, Any], width: int) -> list[str]:
    lines = [*_wrapped(card["title"], width, ""), *_wrapped(card["about"], width, "")]
    named = [(_words(name), _cell(name, value)) for name, value in card["facts"].items()]
    lines += ["", *_pairs(named, width), ""]
    return [*lines, *_sections(card["parts"], width)]


def _sections(sections: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    for each in sections:
        yield from _headed(each["title"], f"{each['total']:,} record{'' if each['total'] == 1 else 's'}", width)
        told = [
            f"{_words(name)} {_cell(name, value)}" for name, value in each["figures"].items() if value not in (None, "")
        ]
        yield from _wrapped(", ".join(told), width, _IN)


def _control(control: Mapping[str, Any], width: int) -> list[str]:
    lines = list(_headed(f"{_IN}{control['id']}  {control['title']}", SHOWN[control["shown"]], width))
    if control["sections"]:
        lines += _wrapped("from: " + ", ".join(_words(each) for each in control["sections"]), width, _IN * 3)
    if control["add"]:
        lines += _wrapped("you add: " + control["add"], width, _IN * 3)
    return lines


def _headed(text: str, beside: str, width: int) -> Iterator[str]:
    """A text with a word at the right edge; below it where both do not fit."""
    gap = width - len(text) - len(beside)
    if gap >= 2:
        yield text + " " * gap + beside
        return
    indent = text[: len(text) - len(text.lstrip())]
    yield from _wrapped(text.strip(), width, indent)
    yield beside.rjust(width)


def _pairs(named: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    column = min(max((len(name) for name, _ in named), default=0), width // 2 - 2)
    for name, value in named:
        lines = _wrapped(value, width - column - 2, "") or [""]
        head = name if len(name) <= column else name[: column - 1] + "…"
        yield f"{head.ljust(column)}  {lines[0]}".rstrip()
        yield from (" " * (column + 2) + line for line in lines[1:])


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)


def _words(name: str) -> str:
    return name.removesuffix("_at").replace("_", " ")


def _cell(name: str, value: Any) -> str:
    """As the page of HTML has it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_at") and isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
