"""What is asked of the resources of both kinds, and what they answer with."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct


class Asked(Struct, frozen=True):
    """``members``: whether somebody will look at who is in a group, which may be tens of thousands."""

    members: bool = True


class Page(Struct, frozen=True, kw_only=True):
    skip: int = 0
    count: int = 100
    asked: Asked = Asked()


class Found(Struct, frozen=True, kw_only=True):
    """A page: ``resources`` as clients see them, but for their addresses; ``total`` is how many fit."""

    resources: list[dict[str, Any]]
    total: int


class Wanted(Struct, frozen=True):
    """What a resource is to be. It is worked out while others write, so ``of`` is the row that it was made from; None
    where it does not hang on what was there."""

    resource: dict[str, Any]
    of: Any = None


class Moved(Exception):
    """A resource was changed by another between the reading and the writing."""


def meta(kind: str, created: int, updated: int, told: Any) -> dict[str, Any]:
    """Times as RFC 3339; the version is a weak ETag of ``told`` (RFC 7644, section 3.14)."""
    version = hashlib.sha256(msgspec.json.encode([updated, told], order="sorted")).hexdigest()[:16]
    return {
        "resourceType": kind,
        "created": _time(created),
        "lastModified": _time(updated),
        "version": f'W/"{version}"',
    }


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
