"""Which version wrote each line of each message: versions are walked from the first, and what is carried over keeps the
version that it came from."""

from collections.abc import Iterable

from msgspec import Struct

from trimtab.prompts.diff import aligned
from trimtab.prompts.lines import pairs
from trimtab.prompts.types import Content, Message


class BlamedLine(Struct, frozen=True):
    version: int
    text: str


class BlamedMessage(Struct, frozen=True, kw_only=True):
    """``version`` is the one that made the message, whatever its text is now. A place for messages has no lines."""

    title: str
    version: int
    lines: list[BlamedLine] = []


def blame(history: Iterable[tuple[int, Content]]) -> list[BlamedMessage]:
    """Of the last of ``history``, which begins with the first version and ends with the one asked about."""
    messages: tuple[Message, ...] = ()
    found: list[BlamedMessage] = []
    for version, content in history:
        if content.messages == messages:
            continue
        origins = {j: i for i, j in aligned(messages, content.messages) if j is not None}
        made: list[BlamedMessage] = []
        for number, message in enumerate(content.messages):
            origin = origins.get(number)
            made.append(_carried(message, None if origin is None else found[origin], version))
        messages, found = content.messages, made
    return found


def _carried(message: Message, old: BlamedMessage | None, version: int) -> BlamedMessage:
    lines = [] if message.messages else message.text.split("\n")
    before = [] if old is None else [line.text for line in old.lines]
    kept = {j: i for i, j in pairs(before, lines)}
    return BlamedMessage(
        title=message.title,
        version=version if old is None else old.version,
        lines=[
            BlamedLine(version, text) if old is None or at not in kept else old.lines[kept[at]]
            for at, text in enumerate(lines)
        ],
    )
