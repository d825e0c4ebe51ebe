"""How a version is built: its documents are cut and their chunks embedded, a few documents at a time, each batch kept
together with how far it came. Who builds may be killed at any time: the next one goes on behind the last batch, and
what was embedded is embedded no more. Two who build at once do the same twice, and keep it once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import TrimtabError
from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.retrieval import pieces, versions
from trimtab.retrieval.types import CorpusVersion, Text
from trimtab.retrieval.versions import Made, Row
from trimtab.storage.database import Database

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]


BATCH: Final = 20
"""Documents that are read at once."""
KEPT_AT: Final = 64
"""After so many chunks what was made is kept: no more than these, and one document's, are embedded again."""
TEXTS_AT_ONCE: Final = 32
"""Chunks that are embedded in one go."""
_text: Final = msgspec.msgpack.Decoder(Text)

Embed = Callable[[str, str, Sequence[str]], Awaitable["Vectors"]]
"""Makes vectors of length 1: of a project's id, an embedder's model and texts, one float32 row for each. Raises
`TrimtabError`."""


class Parts(Struct, frozen=True, kw_only=True):
    """``ring`` gives the data keys in force; ``now`` Unix ms; ``goes_on`` says whether to: asked before each
    document."""

    db: Database
    embed: Embed
    ring: Callable[[], Keyring]
    now: Callable[[], int]
    goes_on: Callable[[], Awaitable[bool]]


async def build(of: CorpusVersion, parts: Parts) -> bool:
    """From where it is to its end; whether it came there. Raises `TrimtabError` for what stands in the way: where that
    is ``retryable`` it may be gone later."""
    db = parts.db
    last, done = await db.write(lambda conn: versions.reached(conn, of)), of.done
    while True:
        after = last
        found = await db.read(lambda conn, after=after: versions.rows(conn, of, after=after, limit=BATCH, bodies=False))
        if not found:
            break
        made: list[Made] = []
        for number, row in enumerate(found, start=1):
            if not await parts.goes_on():
                return False
            one = await _make(of, row, parts)
            made += [] if one is None else [one]
            last, done = row.document, done + 1
            if number == len(found) or sum(each.chunks for each in made) >= KEPT_AT:
                kept, made = made, []
                await db.write(partial(_keep, of=of, made=kept, last=last, done=done))
    dimension = await _dimension(of, parts)
    await db.write(lambda conn: versions.finish(conn, of, dimension, parts.now()))
    return True


def _keep(conn: Connection, *, of: CorpusVersion, made: list[Made], last: str, done: int) -> None:
    versions.keep(conn, of, made, last, done)


async def _dimension(of: CorpusVersion, parts: Parts) -> int:
    """Of the vectors that were made: of the first that there are."""
    if not of.embedder.model:
        return 0
    after = ""
    while found := await parts.db.read(lambda conn, after=after: versions.rows(conn, of, after=after, limit=5)):
        for row in found:
            body = None if row.pieces is None else _opened(row.pieces, parts)
            if body is not None and (dimension := pieces.opened(body).dimension):
                return dimension
        after = found[-1].document
    return 0


async def _make(of: CorpusVersion, row: Row, parts: Parts) -> Made | None:
    """The pieces of one document; None where they are made already, or its text is gone."""
    if row.pieces is not None or row.body is None:
        return None
    said = _opened(row.body, parts)
    if said is None:
        return None
    text = _text.decode(said)
    cut = await asyncio.to_thread(pieces.cut, text, of.chunker)
    vectors = await _vectors(of, row, cut, parts) if of.embedder.model and cut.spans else None
    body = await asyncio.to_thread(pieces.packed, cut, vectors)
    return Made(row.document, row.text, len(cut.spans), parts.ring().seal(of.project_id, body))


def _opened(sealed: bytes, parts: Parts) -> bytes | None:
    """None for what was sealed with a key that was destroyed."""
    try:
        return parts.ring().open(sealed)
    except KeyDestroyed:
        return None


async def _vectors(of: CorpusVersion, row: Row, cut: pieces.Cut, parts: Parts) -> "Vectors":
    import numpy as np

    known: dict[bytes, Vectors] = {}
    for sealed in await parts.db.read(lambda conn: versions.earlier(conn, of, row.document, row.text)):
        body = _opened(sealed, parts)
        known |= {} if body is None else pieces.known_vectors(body)
    hashes = cut.hashes()
    wanted = pieces.missing(cut, known)
    for at in range(0, len(wanted), TEXTS_AT_ONCE):
        some = wanted[at : at + TEXTS_AT_ONCE]
        vectors = await parts.embed(of.project_id, of.embedder.model, [cut.texts[number] for number in some])
        known |= {hashes[number]: vector for number, vector in zip(some, vectors, strict=True)}
    whole = [known[each] for each in hashes]
    if len({len(each) for each in whole}) != 1:
        raise TrimtabError(
            f"The model {of.embedder.model!r} gives vectors of other lengths than it did before.",
            fix="It was exchanged: name another embedder for the corpus, and publish it again.",
            code="embedder_changed",
            status=409,
        )
    return np.stack(whole)
