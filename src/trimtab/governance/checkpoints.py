"""Signed places in the audit log's chains: made now and then by one server, with a key that the catalog does not
have."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, String, Table, insert, select, update

from trimtab.governance.audit import AUDIT, HEADS, chain_of
from trimtab.governance.audit_chain import Checkpoint, Head, Link, Verified, is_signed, signed_text, verify
from trimtab.governance.secrets import SecretBox
from trimtab.storage.schema import METADATA

CHECKPOINTS: Final = Table(
    "audit_checkpoints",
    METADATA,
    Column("chain", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)
_PAGE: Final = 1_000
_PURPOSE: Final = "audit checkpoints"


class Signer:
    """Ed25519; ``seed`` are 32 bytes, derived from the instance's secret key, so that there is no further secret to
    keep."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw().hex()
        """What others need to verify: 32 bytes as hex."""

    def sign(self, chain: str, head: Head, at: int) -> Checkpoint:
        signature = self._key.sign(signed_text(chain, head.seq, head.hash, at)).hex()
        return Checkpoint(chain=chain, seq=head.seq, hash=head.hash, at=at, key=self.public, signature=signature)


def signer_of(box: SecretBox) -> Signer:
    """This instance's, of its newest secret key."""
    return Signer(box.derived(_PURPOSE))


def trusted(box: SecretBox) -> list[str]:
    """The public keys whose signatures count here: of each secret key that the instance has, the newest first."""
    return [Signer(seed).public for seed in box.derived_all(_PURPOSE)]


def sign_again(conn: Connection, box: SecretBox) -> int:
    """Vouch with the newest key for what an older one of the instance vouches for, before that is forgotten; for how
    many. A checkpoint that no key of the instance has signed stays as it is, and goes on being told."""
    signer, *older = [Signer(seed) for seed in box.derived_all(_PURPOSE)]
    c, count = CHECKPOINTS.c, 0
    for row in conn.execute(select(CHECKPOINTS).where(c.key.in_([each.public for each in older]))).all():
        mark = _of(Checkpoint, row)
        if is_signed(mark):
            made = signer.sign(mark.chain, Head(seq=mark.seq, hash=mark.hash), mark.at)
            at = update(CHECKPOINTS).where(c.chain == mark.chain, c.seq == mark.seq)
            conn.execute(at.values(key=made.key, signature=made.signature))
            count += 1
    return count


def is_unsigned(conn: Connection) -> bool:
    """Whether a chain has grown since it was last signed."""
    signed = select(CHECKPOINTS.c.seq).where(CHECKPOINTS.c.chain == HEADS.c.chain, CHECKPOINTS.c.seq >= HEADS.c.seq)
    return conn.execute(select(HEADS.c.chain).where(~signed.exists()).limit(1)).first() is not None


def sign_heads(conn: Connection, signer: Signer, now: int) -> list[Checkpoint]:
    """Sign every chain that has grown since it was last signed; returns what was signed. ``now`` is Unix ms."""
    made: list[Checkpoint] = []
    for row in conn.execute(select(HEADS)).all():
        newest = select(CHECKPOINTS.c.seq).where(CHECKPOINTS.c.chain == row.chain)
        last = conn.execute(newest.order_by(CHECKPOINTS.c.seq.desc()).limit(1)).scalar_one_or_none()
        if last is None or last < row.seq:
            mark = signer.sign(row.chain, Head(seq=row.seq, hash=row.hash), now)
            conn.execute(insert(CHECKPOINTS).values({name: getattr(mark, name) for name in mark.__struct_fields__}))
            made.append(mark)
    return made


def check(conn: Connection, project_id: str | None, trusted: list[str]) -> Verified:
    """Verify a project's chain (None: the instance's), a page of entries at a time. In one read transaction, so that
    what is written meanwhile is not missed at its end."""
    chain = chain_of(project_id)
    row = conn.execute(select(HEADS).where(HEADS.c.chain == chain)).one_or_none()
    head = Head() if row is None else Head(seq=row.seq, hash=row.hash)
    marks = [_of(Checkpoint, each) for each in conn.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.chain == chain))]
    return verify(chain, _links(conn, project_id), head, marks, trusted)


def newest(conn: Connection, project_id: str | None) -> Checkpoint | None:
    """The last checkpoint of a chain: what to keep elsewhere."""
    query = select(CHECKPOINTS).where(CHECKPOINTS.c.chain == chain_of(project_id))
    row = conn.execute(query.order_by(CHECKPOINTS.c.seq.desc()).limit(1)).one_or_none()
    return None if row is None else _of(Checkpoint, row)


def links(conn: Connection, project_id: str | None, after: int, limit: int) -> list[Link]:
    """Entries as they are chained, oldest first, after the ``after``-th."""
    query = select(AUDIT).where(AUDIT.c.project_id == project_id, AUDIT.c.seq > after)
    return [_of(Link, row) for row in conn.execute(query.order_by(AUDIT.c.seq, AUDIT.c.id).limit(limit))]


def _links(conn: Connection, project_id: str | None) -> Iterator[Link]:
    """Every entry, by ``seq`` and then by id: two with one number are both seen."""
    names = Link.__struct_fields__
    query = select(*(AUDIT.c[name] for name in names)).where(AUDIT.c.project_id == project_id)
    rows = conn.execution_options(yield_per=_PAGE).execute(query.order_by(AUDIT.c.seq, AUDIT.c.id))
    for page in rows.partitions():
        for row in page:
            yield Link(**dict(zip(names, row, strict=True)))


def _of(kind: type[Any], row: Any) -> Any:
    return kind(**{name: getattr(row, name) for name in kind.__struct_fields__})
