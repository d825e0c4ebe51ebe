"""The audit log as a chain: each entry holds the hash of the one before it, and now and then the last one is signed.

    hash = SHA-256 of the JSON array [1, chain, seq, prev, id, at, actor, actor_name, action, subject, detail]

as hex; ``chain`` is the project's id (empty for the whole instance), ``seq`` counts from 1 without gaps, ``prev`` is
the hash before (empty for the first), and ``detail`` the stored text. So whoever changes, removes, adds or moves an
entry must make all hashes after it anew; and then the signed checkpoints (`checkpoints.py`) no longer fit, whose key is
not in the database. What this cannot show: entries taken off the end that no checkpoint has seen (the last seconds),
and a whole catalog put back to an earlier state together with its checkpoints; for that keep a checkpoint elsewhere.
Pure: no clock, no database.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

FORMAT: Final = 1
FIRST: Final = ""
"""What comes before the first entry."""
MOST_PROBLEMS: Final = 100
"""More are counted and not listed."""
_encode: Final = msgspec.json.Encoder().encode


class Link(Struct, frozen=True, kw_only=True):
    """An entry as it is stored: what the hash is over, and the hash."""

    seq: int
    prev: str
    hash: str
    id: str
    at: int
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: str


class Head(Struct, frozen=True, kw_only=True):
    """Where a chain ends, as it was noted when its last entry was written."""

    seq: int = 0
    hash: str = FIRST


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A signed place in a chain. ``key`` (the public half, hex) and ``signature`` (hex) are Ed25519's, RFC 8032; ``at``
    is Unix ms."""

    chain: str
    seq: int
    hash: str
    at: int
    key: str
    signature: str


class ChainProblem(Struct, frozen=True, kw_only=True):
    """What is wrong, at which entry (``seq``), in a sentence."""

    seq: int
    what: str


class Verified(Struct, frozen=True, kw_only=True):
    """``ok``: no entry was changed, removed, added or moved as far as can be told. ``entries`` were read, up to
    ``head``. ``signed`` is the last entry that a valid checkpoint vouches for (0: none), signed at ``signed_at`` (Unix
    ms); entries after it are chained and not yet signed. ``problems`` are the first ones, ``found`` is how many there
    are."""

    chain: str
    ok: bool
    entries: int
    head: Head
    checkpoints: int
    signed: int
    signed_at: int | None
    key: str
    problems: tuple[ChainProblem, ...]
    found: int


def hash_of(chain: str, link: Link) -> str:
    """What the hash of that entry must be, by all else that it says."""
    told = (
        FORMAT, chain, link.seq, link.prev, link.id, link.at, link.actor, link.actor_name, link.action, link.subject,
        link.detail,
    )  # fmt: skip
    return hashlib.sha256(_encode(told)).hexdigest()


def signed_text(chain: str, seq: int, hashed: str, at: int) -> bytes:
    """What a checkpoint's signature is of."""
    return _encode(("trimtab audit checkpoint", FORMAT, chain, seq, hashed, at))


class _Problems:
    def __init__(self) -> None:
        self.first: list[ChainProblem] = []
        self.found = 0

    def add(self, seq: int, what: str) -> None:
        self.found += 1
        if len(self.first) < MOST_PROBLEMS:
            self.first.append(ChainProblem(seq=seq, what=what))


def verify(
    chain: str, links: Iterable[Link], head: Head, checkpoints: Iterable[Checkpoint], trusted: Iterable[str]
) -> Verified:
    """Hold a chain, whose entries come in the order of ``seq``, against itself, its head and its checkpoints.
    ``trusted`` are the public keys (hex) whose signatures count; the first of them is the one of this server."""
    keys = list(trusted)
    marks = sorted(checkpoints, key=lambda each: each.seq)
    waiting = list(marks)
    problems = _Problems()
    last, count, signed = Head(), 0, None
    for link in links:
        count += 1
        _hold(chain, link, last, problems)
        last = Head(seq=link.seq, hash=link.hash)
        while waiting and waiting[0].seq <= link.seq:
            mark = waiting.pop(0)
            if _vouches(chain, mark, link, keys, problems):
                signed = mark
    for mark in waiting:
        problems.add(mark.seq, f"A checkpoint vouches for entry {mark.seq}, and the log ends at entry {last.seq}.")
    if last != head:
        problems.add(last.seq, f"The log ends at entry {last.seq}, and entry {head.seq} was the last to be written.")
    return Verified(
        chain=chain,
        ok=problems.found == 0,
        entries=count,
        head=last,
        checkpoints=len(marks),
        signed=signed.seq if signed else 0,
        signed_at=signed.at if signed else None,
        key=keys[0] if keys else "",
        problems=tuple(problems.first),
        found=problems.found,
    )


def _hold(chain: str, link: Link, last: Head, problems: _Problems) -> None:
    if link.seq != last.seq + 1:
        problems.add(link.seq, f"Entry {link.seq} follows entry {last.seq}: there are gaps or repeats.")
    if link.prev != last.hash:
        problems.add(link.seq, f"Entry {link.seq} was written after another entry than the one that is before it now.")
    if link.hash != hash_of(chain, link):
        problems.add(link.seq, f"Entry {link.seq} was changed after it was written.")


def _vouches(chain: str, mark: Checkpoint, link: Link, keys: list[str], problems: _Problems) -> bool:
    if mark.key not in keys:
        problems.add(mark.seq, f"The checkpoint at entry {mark.seq} was signed with a key that is not trusted here.")
    elif mark.chain != chain or not is_signed(mark):
        problems.add(mark.seq, f"The signature of the checkpoint at entry {mark.seq} does not fit.")
    elif mark.seq != link.seq or mark.hash != link.hash:
        problems.add(mark.seq, f"Entry {mark.seq} is not what was signed at that place.")
    else:
        return True
    return False


def is_signed(mark: Checkpoint) -> bool:
    """Whether its own key made its signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(mark.key))
        key.verify(bytes.fromhex(mark.signature), signed_text(mark.chain, mark.seq, mark.hash, mark.at))
    except (InvalidSignature, ValueError):
        return False
    return True
