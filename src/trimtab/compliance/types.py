"""What a report is made of. Times are Unix ms; money is a decimal string of US dollars."""

from typing import Final, Literal

from msgspec import Struct

Cell = str | int | float | bool | None
MOST_ROWS: Final = 2_000
"""Rows of one section; ``total`` tells how many there are."""
Shown = Literal["shown", "partly", "nothing_yet", "not_here"]
"""All sections that speak to a control have rows; some have; none has in this period; no section speaks to it."""


class Period(Struct, frozen=True, kw_only=True):
    """From ``start`` to before ``end``."""

    start: int
    end: int


class Section(Struct, frozen=True, kw_only=True):
    """One kind of evidence. ``rows`` are as ``columns`` say, newest first, at most `MOST_ROWS` of ``total``; columns
    that end in ``_at`` are Unix ms. ``figures`` sum it up. ``source`` says which records it is of, so that it can be
    checked."""

    name: str
    title: str
    about: str
    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    figures: dict[str, Cell] = {}


class Asked(Struct, frozen=True, kw_only=True):
    """One article or control: what it asks for, in our words, which sections speak to it, and what an organisation has
    to add that no record of this server shows."""

    id: str
    title: str
    asks: str
    sections: tuple[str, ...] = ()
    add: str = ""


class Framework(Struct, frozen=True, kw_only=True):
    """A plug in `frameworks/` (its ``PLUG``). ``edition`` is what it was written from."""

    name: str
    title: str
    edition: str
    controls: tuple[Asked, ...]


class Control(Struct, frozen=True, kw_only=True):
    """A control and what there is to show for it in the period."""

    id: str
    title: str
    asks: str
    shown: Shown
    sections: tuple[str, ...]
    empty: tuple[str, ...]
    add: str


class Mapped(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    edition: str
    controls: tuple[Control, ...]


class Pack(Struct, frozen=True, kw_only=True):
    """The report of one project for one period. ``made_by`` names who asked for it. ``digest`` is SHA-256 over all of
    it but itself and ``made``, as canonical JSON: the same records give the same."""

    project: str
    period: Period
    made: int
    made_by: str
    version: str
    sections: tuple[Section, ...]
    frameworks: tuple[Mapped, ...]
    digest: str = ""


class Card(Struct, frozen=True, kw_only=True):
    """What is known of one app or model, for people: ``parts`` are sections of their own."""

    kind: Literal["app", "model"]
    name: str
    title: str
    about: str
    facts: dict[str, Cell]
    parts: tuple[Section, ...]
    made: int
