"""A mapping process: ``python -m trimtab.telemetry.mapping.process --data-dir DIR --fd N``.

The telemetry process starts it while a backlog of foreign spans lasts, hands it portions and gets back what it has to
know of their spans, then their rows as columns (`mapping/away.py`). It owns nothing: no store, no spool, no memory of
earlier spans. It may be killed at any time; what it had is mapped again by whoever asked. Keys, prices and switches it
takes from the data folder's files, as the telemetry process does, and looks at them anew with each portion.
"""

import argparse
import gc
import logging
import os
import socket
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from trimtab.core.handing import Handing, HandingBroken
from trimtab.core.kept_memory import keep_memory
from trimtab.core.logs import configure_logging
from trimtab.core.parent import die_with_parent
from trimtab.governance import secrets
from trimtab.governance.sealing import Keyring, Keys, KeyUnknown
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.detectors import Detectors
from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.mapping.portion import Decided, Portion, Portioner
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.price_file import PriceFile
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.silent import Silent
from trimtab.telemetry.switches.file import SwitchFile

logger = logging.getLogger("trimtab.telemetry.mapping")

READY, READ, MAKE, CLEAR, FAILED = 1, 2, 3, 4, 5
"""What is said: that it can begin; read a portion; make rows; let go of all portions; it could not be done. An answer
has the number of what it answers, and its kind unless it is `FAILED`."""
GC_THRESHOLD: Final = (300_000, 50, 100)


class MadeTable(Struct, array_like=True):
    """Rows of one table: which record of the portion each is of, and the columns that say something, as a stream."""

    name: str
    owners: list[int]
    columns: tuple[str, ...]
    stream: memoryview


class Made(Struct, array_like=True):
    """What was made, and the records of spans that have no rows, with the reason."""

    tables: list[MadeTable]
    broken: list[tuple[int, str]]


class _Asked(Struct, array_like=True):
    """What is asked with `READ`. ``sealed`` are the projects among these whose content is sealed."""

    records: list[ForeignBatch]
    sealed: list[str]


class DoesNotFit(Exception):
    """Rows that are no columns: they are made where they are looked through."""


encode: Final = msgspec.msgpack.Encoder().encode
_asked: Final = msgspec.msgpack.Decoder(_Asked).decode
_decided: Final = msgspec.msgpack.Decoder(Decided).decode


def asked(records: list[ForeignBatch], ring: Keyring) -> bytes:
    """The body of `READ`. ``ring`` has the keys in force."""
    return encode(_Asked(records, [each for each in {record.project for record in records} if ring.seals(each)]))


class Mapping:
    """What the process does with what it is told."""

    def __init__(self, data_dir: Path, node: str = "") -> None:
        self._turn = 0.0
        detectors = Detectors(SwitchFile(data_dir), alone=True)
        self._keys = Keys(data_dir, lambda: secrets.load(data_dir, os.environ.get("TRIMTAB_SECRET_KEY")), self._now_s)
        prices = ForeignPrices(PriceFile(data_dir, self._now_s))
        maker = ForeignRows(FolderBlobs(data_dir / "blobs"), Silent(detectors), self._keys.look, node)
        self._by = Portioner(canonical, prices, maker, detectors.lean)
        self._portions: dict[int, Portion] = {}

    def _now_s(self) -> float:
        """A clock that goes on with each portion: prices and keys are looked at once for each, and not in between."""
        return self._turn

    def read(self, number: int, body: bytes) -> bytes:
        self._turn += 1.0
        told = _asked(body)
        if not all(map(self._keys.look().seals, told.sealed)):  # what is sealed there would lie open here
            raise KeyUnknown(", ".join(told.sealed))
        portion = Portion(number, list(enumerate(told.records)), self._by)
        reading = encode(portion.read())
        self._portions[number] = portion
        return reading

    def make(self, body: bytes) -> bytes:
        decided = _decided(body)
        rows = Rows(self._keys.look())
        broken = self._portions[decided.portion].make(decided, rows)
        rows.seal()
        tables: list[MadeTable] = []
        for table in rows.tables():
            if not table.owners:
                continue
            encoded = table.encoded()
            if encoded is None:
                raise DoesNotFit(f"rows of {table.name} do not fit into columns")
            columns, stream = encoded
            tables.append(MadeTable(table.name, table.owners, columns, memoryview(b"".join(stream))))
        return encode(Made(tables, broken))

    def clear(self) -> None:
        self._portions.clear()


def serve(handing: Handing, mapping: Mapping) -> None:
    """Until the other side is gone."""
    handing.send(READY, 0)
    while True:
        try:
            kind, number, body = handing.receive()
            if kind == CLEAR:
                mapping.clear()
                continue
            try:
                answer = mapping.read(number, body) if kind == READ else mapping.make(body)
            except Exception as error:  # whoever asked does it itself, and meets the same
                logger.exception("a portion is handed back")
                kind, answer = FAILED, f"{type(error).__name__}: {error}".encode()[:2_000]
            handing.send(kind, number, answer)
        except HandingBroken:
            return


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trimtab.telemetry.mapping.process", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder with blobs, prices and keys")
    parser.add_argument("--node", default="", help="this server, where others write to the same store")
    parser.add_argument("--fd", type=int, required=True, help="the unix socket to whoever started it")
    options = parser.parse_args(argv)
    die_with_parent()
    configure_logging(os.environ.get("TRIMTAB_LOG_LEVEL", "info"))
    handing = Handing(socket.socket(fileno=options.fd))
    mapping = Mapping(options.data_dir, options.node)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    keep_memory()
    serve(handing, mapping)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
