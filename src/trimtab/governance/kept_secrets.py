"""A kept secret goes to no other address than it was given for.

Who may change where something is sent must not learn by it what is sent along: an address elsewhere needs the secrets
anew, or none. It is the same address where scheme, host and port are the same and the path is the same or below: hosts
are shared by path (hooks of automation services, gateways of a cloud), so one beside it may be somebody else's.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from trimtab.core.errors import InvalidRequest

_PORTS: Final = {"http": 80, "https": 443}
_BROKER_PORT: Final = "9092"
_LONGEST: Final = 300


class Elsewhere(InvalidRequest):
    """What was refused: ``old`` and ``new`` address, and the fields whose kept secrets would have gone along."""

    code = "secret_for_another_address"

    def __init__(self, what: str, old: str, new: str, fields: Sequence[str]) -> None:
        self.old, self.new, self.fields = old[:_LONGEST], new[:_LONGEST], tuple(fields)
        named = ", ".join(repr(field) for field in fields)
        super().__init__(
            f"{what} keeps secrets that were given for {self.old!r}, and they are not sent to another address:"
            f" {named} {'is' if len(fields) == 1 else 'are'} missing.",
            fix="Give them again together with the address, or take them away.",
            param=fields[0].partition(".")[0],
        )


def leads_elsewhere(old: str, new: str) -> bool:
    """Whether what is kept for ``old`` must not be sent to ``new``. What cannot be read leads elsewhere unless it is
    the same, letter by letter."""
    if old == new:
        return False
    if old.startswith("kafka://") and new.startswith("kafka://"):
        return not _brokers(new) <= _brokers(old)
    try:
        before, after = urlsplit(old), urlsplit(new)
        same_host = _host(before) == _host(after)
    except ValueError:
        return True
    return not same_host or before.query != after.query or not _is_within(after.path, before.path)


def _host(parts: SplitResult) -> tuple[str, str, int | None, str | None]:
    """Raises `ValueError`. Who signs in within the URL counts, too."""
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("no address of the web")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return parts.scheme, parts.hostname.rstrip("."), port, parts.username


def _is_within(path: str, outer: str) -> bool:
    """``/a/b`` is within ``/a`` and ``/a/``; a path that climbs is within nothing, however it is written."""
    if path.rstrip("/") == outer.rstrip("/"):
        return True
    plain = unquote(unquote(path))  # and servers that know parameters of a path's parts read "..;x" as ".."
    climbs = "\\" in plain or any(part.partition(";")[0] in (".", "..") for part in plain.split("/"))
    return not climbs and path.startswith(f"{outer.rstrip('/')}/")


def _brokers(url: str) -> frozenset[str]:
    named = url.removeprefix("kafka://").rpartition("/")[0].lower().split(",")
    return frozenset(each if ":" in each.rpartition("]")[2] else f"{each}:{_BROKER_PORT}" for each in named)
