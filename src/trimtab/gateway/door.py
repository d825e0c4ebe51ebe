"""Who is let in, remembered while the keys stay the same: hashing a caller's secret anew costs more than any other step
before a provider is asked.
"""

from collections.abc import Callable

from trimtab.governance.access import AccessTable, Principal, Project
from trimtab.governance.admit import admit, secret_of
from trimtab.governance.key_uses import MINUTE_NS

MOST_REMEMBERED = 1024


class Door:
    """Belongs to one event loop. What it remembers is as secret as the keys themselves, and is forgotten with the table
    of keys it came from: a revoked key is gone with the snapshot that revokes it. And with the minute, in which the
    table of keys notes a key's use once."""

    def __init__(self) -> None:
        self._access: AccessTable | None = None
        self._until_ns = 0
        self._known: dict[tuple[bytes | None, bytes | None], tuple[Principal, Project]] = {}

    def admit(
        self, access: AccessTable, header: Callable[[bytes], bytes | None], now_ns: int
    ) -> tuple[Principal, Project]:
        """As `governance.admit.admit`, by the headers of the call."""
        if access is not self._access or now_ns >= self._until_ns:
            self._access, self._until_ns = access, now_ns - now_ns % MINUTE_NS + MINUTE_NS
            self._known = {}
        shown = (header(b"authorization"), header(b"x-api-key"))
        wanted = header(b"trimtab-project")
        if wanted is None:
            known = self._known.get(shown)
            if known is not None and not 0 < known[0].expires_ns <= now_ns:
                return known
        found = admit(access, secret_of(*shown), wanted, now_ns)
        if wanted is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[shown] = found
        return found
