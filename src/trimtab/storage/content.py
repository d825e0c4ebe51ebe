"""Columns of content: words of a project, which lie sealed in the catalog where that project is encrypted.

Who writes into such a column says whose words they are (`Of`), or that they are nobody's (`Clear`): a bare text is
refused, so that no place can forget it. Who reads gets the words. What seals them is given to `Database.open`; where
nothing is given (a tool beside the server) words are written in the clear, and sealed ones are not opened.

A content whose key was destroyed reads as the column's ``gone``: a text of the form that the column's readers expect.
It is not an error, for a list must not fail because one of its rows is of the past.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from msgspec import Struct
from sqlalchemy import ColumnElement, Dialect, LargeBinary, Table, Text, TypeDecorator, type_coerce

from trimtab.core.errors import NotFound, Unavailable
from trimtab.storage.schema import METADATA

PREFIX: Final = "\x02tts1:"
"""What a sealed text begins with."""
HEAD: Final = b"\xc1\xee"
"""What sealed bytes begin with."""
_SEALS: Final = "trimtab_seals"


class Seals(Protocol):
    """What seals texts with a project's key, and opens them: `governance.sealing.Keyring`."""

    def seals(self, project: str) -> bool: ...
    def seal(self, project: str, content: bytes) -> bytes: ...
    def seal_text(self, project: str, text: str) -> str: ...
    def open_text(self, text: str) -> str: ...


class Of(Struct, frozen=True):
    """A text that is a project's (by its id)."""

    project: str
    text: str


class Clear(Struct, frozen=True):
    """A text that holds nobody's words: what stands in the place of words that were removed."""

    text: str


class Content(TypeDecorator[Any]):
    """A text column of content. ``gone``: what is read where the key was destroyed. ``clear`` are texts that hold no
    words, and need not be sealed. ``owner`` names the column with the id of whose it is; ``through`` the table that has
    a ``project_id``, where this one only has that table's ``id`` (as ``owner``)."""

    impl = Text
    cache_ok = True

    def __init__(
        self, gone: str | None = "", *, clear: tuple[str, ...] = (), owner: str = "project_id", through: str = ""
    ) -> None:
        super().__init__()
        self.gone = gone
        self.clear = clear
        self.owner = owner
        self.through = through

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Raises `TypeError` for a text without its owner: a mistake of ours."""
        if value is None or value == "":
            return value
        if isinstance(value, Clear):
            return value.text
        if isinstance(value, Of):
            if value.text in self.clear:
                return value.text
            # Nobody's words are taken for sealed ones: such a row could not be read.
            text = value.text[1:] if value.text.startswith(PREFIX) else value.text
            return _seals(dialect).seal_text(value.project, text)
        raise TypeError("a column of content takes Of(project, text), Clear(text), '' or None")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Raises `Unavailable` for what is sealed with a key that nobody here knows, and for what is damaged."""
        if value is None or not value.startswith(PREFIX):
            return value
        try:
            return _seals(dialect).open_text(value)
        except NotFound:  # `governance.sealing.KeyDestroyed`
            return self.gone


class SealedBytes(TypeDecorator[bytes]):
    """A column of bytes that its own room seals and opens, of the project in ``project_id``. It is told here so that
    what lay there in the clear is found when its project is encrypted."""

    impl = LargeBinary
    cache_ok = True


class _NoSeals:
    def seals(self, project: str) -> bool:
        del project
        return False

    def seal(self, project: str, content: bytes) -> bytes:
        del project
        return content

    def seal_text(self, project: str, text: str) -> str:
        del project
        return text

    def open_text(self, text: str) -> str:
        del text
        raise Unavailable(
            "Content of the catalog is encrypted, and no key is at hand here.",
            fix="Ask the server for it: it has the keys.",
            code="content_key_unknown",
            retryable=False,
        )


def give(dialect: Dialect, seals: Callable[[], Seals]) -> None:
    """What seals and opens the content of all connections of one engine."""
    setattr(dialect, _SEALS, seals)


def _seals(dialect: Dialect) -> Seals:
    found: Callable[[], Seals] | None = getattr(dialect, _SEALS, None)
    return _NoSeals() if found is None else found()


def raw(column: ColumnElement[Any]) -> ColumnElement[str]:
    """The column as it lies in the file, sealed or not: for conditions and for whoever seals."""
    return type_coerce(column, Text)


class Place(Struct, frozen=True):
    """A table with columns of content: texts, and ``blobs`` of bytes."""

    table: Table
    columns: tuple[str, ...]
    owner: str
    through: str
    blobs: tuple[str, ...] = ()


def places() -> list[Place]:
    """All of those that the rooms declared, in order of name."""
    found: list[Place] = []
    for name in sorted(METADATA.tables):
        table = METADATA.tables[name]
        own = [column for column in table.columns if isinstance(column.type, Content)]
        blobs = tuple(column.name for column in table.columns if isinstance(column.type, SealedBytes))
        if blobs:
            found.append(Place(table, (), "project_id", "", blobs))
        if own:
            kind = own[0].type
            assert isinstance(kind, Content)
            found.append(Place(table, tuple(column.name for column in own), kind.owner, kind.through))
    return found
