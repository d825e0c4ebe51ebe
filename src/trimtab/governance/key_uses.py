"""When keys were used last, as one process sees it. A use is one entry in a dictionary, and is written down
(`key_use_store.py`) once for a key and a minute: calls wait for nothing.
"""

from collections.abc import Mapping

MINUTE_NS = 60_000_000_000
MINUTE_MS = 60_000


class KeyUses:
    """What one process saw since it was last written down. For one event loop."""

    __slots__ = ("_new", "_written")

    def __init__(self) -> None:
        self._new: dict[str, int] = {}
        self._written: dict[str, int] = {}

    def note(self, key_id: str, now_ns: int) -> None:
        """The key has let somebody in."""
        minute = now_ns // MINUTE_NS
        if self._written.get(key_id) != minute:
            self._new[key_id] = minute

    def take(self) -> dict[str, int]:
        """What is to be written down: Unix ms by key, to the minute. It counts as written unless it is given `back`."""
        new, self._new = self._new, {}
        self._written |= new
        return {key_id: minute * MINUTE_MS for key_id, minute in new.items()}

    def back(self, taken: Mapping[str, int]) -> None:
        """It could not be written; what came meanwhile is later."""
        for key_id, at in taken.items():
            self._written.pop(key_id, None)
            self._new.setdefault(key_id, at // MINUTE_MS)
