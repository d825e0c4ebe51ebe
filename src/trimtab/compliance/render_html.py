"""A report as one page of HTML that needs nothing else: for printing, for a mail, for an archive."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from trimtab.compliance.types import Card, Cell, Control, Mapped, Pack, Section

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;color:#1a1f24;max-width:72rem;margin:2rem auto;padding:0 1.5rem}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.2rem;margin-top:2.4rem;border-bottom:1px solid #d5dade}
h3{font-size:1rem;margin:1.6rem 0 .3rem}table{border-collapse:collapse;width:100%;font-size:13px;margin:.6rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #e4e8eb;overflow-wrap:anywhere}
th{font-weight:600;background:#f5f7f8}.muted{color:#57626c}.shown{color:#0b6b3a}.partly{color:#8a5a00}
.nothing_yet{color:#a12622}.not_here{color:#57626c}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;
font-size:13px}dt{color:#57626c}dd{margin:0;overflow-wrap:anywhere}code{font-size:12px;overflow-wrap:anywhere}
@media screen and (max-width:48rem){body{padding:0 1rem}table{display:block;overflow-x:auto}td{min-width:7rem}
dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
@media print{body{margin:0;max-width:none}}
"""
WORDS: Final = {
    "shown": "records of this period",
    "partly": "some records of this period",
    "nothing_yet": "no record in this period",
    "not_here": "nothing here can show it",
}
NOT_JUDGED: Final = (
    "This report repeats records. It does not judge whether a duty applies or is met: that is for the organisation and "
    "its auditors. What records cannot show is named with each control."
)


def pack(found: Pack) -> str:
    titles = {each.name: each.title for each in found.sections}
    last = found.period.end - 1
    when = f"{_day(found.period.start)} to {_day(last)}, both days (UTC) · made {_time(found.made)}"
    whence = f"by {escape(found.made_by)} · Trimtab {escape(found.version)}<br><code>{escape(found.digest)}</code>"
    parts = [
        f"<h1>Evidence: {escape(found.project)}</h1>",
        f'<p class="muted">{when} {whence}</p>',
        f"<p>{NOT_JUDGED}</p>",
        *(_framework(each, titles) for each in found.frameworks),
        "<h2>Records</h2>",
        *(_section(each) for each in found.sections),
    ]
    return _page(f"Evidence: {found.project}", parts)


def card(found: Card) -> str:
    parts = [
        f"<h1>{escape(found.title)}</h1>",
        f'<p class="muted">made {_time(found.made)}</p>',
        f"<p>{escape(found.about)}</p>" if found.about else "",
        _facts(found.facts),
        *(_section(each) for each in found.parts),
    ]
    return _page(found.title, parts)


def _page(title: str, parts: Sequence[str]) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _framework(found: Mapped, titles: dict[str, str]) -> str:
    rows = "".join(_control(each, titles) for each in found.controls)
    return (
        f'<h2>{escape(found.title)}</h2><p class="muted">{escape(found.edition)}</p><table><thead><tr><th>control</th>'
        f"<th>what it asks</th><th>what there is</th><th>what you add</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _control(each: Control, titles: dict[str, str]) -> str:
    links = ", ".join(
        f'<a href="#{name}">{escape(titles.get(name, name))}</a>{" (empty)" if name in each.empty else ""}'
        for name in each.sections
    )
    return (
        f"<tr><td><strong>{escape(each.id)}</strong><br>{escape(each.title)}</td><td>{escape(each.asks)}</td>"
        f'<td><span class="{each.shown}">{WORDS[each.shown]}</span>{"<br>" if links else ""}{links}</td>'
        f"<td>{escape(each.add)}</td></tr>"
    )


def _section(found: Section) -> str:
    cut = f" The newest {len(found.rows):,} of {found.total:,}." if found.total > len(found.rows) else ""
    head = "".join(f"<th>{escape(_words(name))}</th>" for name in found.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_cell(name, value)}</td>' for name, value in zip(found.columns, row, strict=True))}</tr>"
        for row in found.rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if found.rows else "<p>None.</p>"
    return (
        f'<h3 id="{escape(found.name)}">{escape(found.title)}</h3><p class="muted">{escape(found.about)} '
        f"From: {escape(found.source)}.{cut}</p>{_facts(found.figures)}{table}"
    )


def _facts(figures: dict[str, Cell]) -> str:
    if not figures:
        return ""
    rows = "".join(
        f"<dt>{escape(_words(name))}</dt><dd>{_cell(name, value)}</dd>" for name, value in sorted(figures.items())
    )
    return f"<dl>{rows}</dl>"


def _words(name: str) -> str:
    return name.removesuffix("_at").replace("_", " ")


def _cell(name: str, value: Cell) -> str:
    if value is None:
        return "–"
    if name.endswith("_at") and isinstance(value, int) and not isinstance(value, bool):
        return _time(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return escape(f"{value:,}" if isinstance(value, int) else str(value))


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")
