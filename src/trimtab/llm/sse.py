"""Server-sent events as bytes: where one event ends, and what it says.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream. An event ends with an
empty line; a line ends with LF, CR LF or CR. The network cuts where it likes, so bytes are held until an event is
whole: everything after this file may take for granted that it sees complete events (and so complete characters).
"""

from collections.abc import Iterator

from trimtab.core.errors import UpstreamFailure

MAX_TAIL = 16 * 1024 * 1024
"""Bytes of one unfinished event that are held at most; no vendor sends an event near this size."""

_ENDS = (b"\n\n", b"\r\r", b"\n\r")
"""Every way two line ends can meet; a LF after a final CR belongs to it (``\\r\\n\\r\\n`` holds ``\\n\\r``)."""


class SSESplitter:
    """Turns chunks as received into blocks of one or more complete events; keeps the unfinished tail.

    What comes out, with `rest` at the end, is byte for byte what went in.
    """

    __slots__ = ("_max_tail", "_tail")

    def __init__(self, max_tail: int = MAX_TAIL) -> None:
        self._tail = bytearray()
        self._max_tail = max_tail

    def feed(self, data: bytes) -> bytes:
        """The complete events that are there now, or ``b""``. Raises `UpstreamFailure` when one event grows too big."""
        tail = self._tail
        if not tail:
            if data.endswith(b"\n\n"):  # by far the most common: whole events in one read
                return data
            end = _end_of_last_event(data, 0)
            if end < len(data):
                tail += data[end:]
                self._check()
            return data[:end]
        seen = len(tail)
        tail += data
        end = _end_of_last_event(tail, max(0, seen - 2))
        if end == 0:
            self._check()
            return b""
        block = bytes(tail[:end])
        del tail[:end]
        self._check()
        return block

    def rest(self) -> bytes:
        """The unfinished event at the end of the stream, if there is one."""
        return bytes(self._tail)

    def _check(self) -> None:
        if len(self._tail) > self._max_tail:
            raise UpstreamFailure(
                f"The provider sent a stream event of more than {self._max_tail} bytes.", code="upstream_garbage"
            )


def _end_of_last_event(data: bytes | bytearray, start: int) -> int:
    """The index after the last empty line at or after ``start``; 0 if there is none."""
    at = max(data.rfind(mark, start) for mark in _ENDS)
    if at < 0:
        return 0
    end = at + 2
    if data[end - 1 : end + 1] == b"\r\n":
        end += 1
    return end


def split(block: bytes) -> list[bytes]:
    """The single events of a block, each with its own ending; joined they are the block."""
    if b"\r" not in block:  # nearly every vendor; the general way below searches for marks that are not there
        parts = block.split(b"\n\n")
        tail = parts.pop()
        found = [part + b"\n\n" for part in parts]
        return [*found, tail] if tail else found
    events: list[bytes] = []
    start = 0
    while start < len(block):
        found = [at for mark in _ENDS if (at := block.find(mark, start)) >= 0]
        if not found:
            break
        end = min(found) + 2
        if block[end - 1 : end + 1] == b"\r\n":
            end += 1
        events.append(block[start:end])
        start = end
    if start < len(block):
        events.append(block[start:])
    return events


def data_of(event: bytes) -> bytes | None:
    """The ``data`` of one event (its data lines joined by LF); None if it has none (a comment, a bare ``event:``)."""
    found: bytes | None = None
    for line in _lines(event):
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
        elif line == b"data":
            value = b""
        else:
            continue
        found = value if found is None else found + b"\n" + value
    return found


def events(block: bytes) -> Iterator[bytes]:
    """The data of each event in a block; events without data are passed over."""
    plain = b"\r" not in block and block.endswith(b"\n\n")
    for event in block.split(b"\n\n") if plain else split(block):
        if plain and event.startswith(b"data: ") and b"\n" not in event:  # as nearly every server writes it
            yield event[6:]
        else:
            data = data_of(event)
            if data is not None:
                yield data


def _lines(event: bytes) -> list[bytes]:
    if event.startswith(b"\xef\xbb\xbf"):  # a byte order mark may open a stream
        event = event[3:]
    if b"\r" in event:
        event = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return event.split(b"\n")
