"""``python -m trimtab.evaluation.parquet_process read|write SOURCE TARGET MOST_ROWS``: what `parquet.py` starts."""

import contextlib
import json
import math
import resource
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from trimtab.evaluation.parquet import MAX_LINES_BYTES, REFUSED

MEMORY: Final = 2 << 30
"""Bytes of address space, of which a part is never touched."""
PROCESSOR_S: Final = 150
BATCH: Final = 500


class Refused(Exception):
    """The file is wrong, and how."""


def main(arguments: list[str]) -> int:
    how, source, target, most = arguments
    for limit, bound in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, PROCESSOR_S),
        (resource.RLIMIT_FSIZE, MAX_LINES_BYTES + (1 << 20)),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower bound is there already
            resource.setrlimit(limit, (bound, bound))
    try:
        (_read if how == "read" else _write)(Path(source), Path(target), int(most))
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    return 0


def _read(source: Path, target: Path, most: int) -> None:
    pa, pq = _arrow()
    try:
        file = pq.ParquetFile(source)
        if file.metadata.num_rows > most:
            raise Refused(f"it has {file.metadata.num_rows:,} rows, and {most:,} may be")
        size = 0
        with target.open("wb") as out:
            for batch in file.iter_batches(batch_size=BATCH, use_threads=False):
                for row in batch.to_pylist():
                    line = json.dumps(_plain(row), ensure_ascii=False, default=_text).encode("utf-8", "replace")
                    size += len(line) + 1
                    if size > MAX_LINES_BYTES:
                        raise Refused(f"it unpacks to more than {MAX_LINES_BYTES >> 20:,} MB")
                    out.write(line + b"\n")
    except (pa.ArrowException, OSError, MemoryError, ValueError) as error:
        raise Refused(str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _write(source: Path, target: Path, most: int) -> None:
    del most
    pa, pq = _arrow()
    writer: Any = None
    with source.open("rb") as lines:
        while rows := [json.loads(line) for line, _ in zip(lines, range(5_000), strict=False)]:
            fields = [(name, pa.float64() if name == "weight" else pa.string()) for name in rows[0]]
            schema = pa.schema(fields)
            writer = writer or pq.ParquetWriter(target, schema, compression="zstd")
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    if writer is None:
        raise Refused("there is nothing to write")
    writer.close()


def _arrow() -> tuple[Any, Any]:
    import pyarrow
    import pyarrow.parquet

    pa, pq = cast("Any", pyarrow), cast("Any", pyarrow.parquet)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    return pa, pq


def _plain(value: Any) -> Any:
    """JSON has no NaN: no number is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in cast("list[Any]", value)]
    return value


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
