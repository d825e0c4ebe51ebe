"""A file that is replaced as a whole: whoever reads it sees the old one or the new one, however we end."""

import os
from pathlib import Path

from trimtab.core.ids import uuid7_hex


def replace_file(path: Path, body: bytes, *, sync: bool = False) -> None:
    """Write ``body`` to ``path``, readable for its owner alone; with ``sync`` it is on the disk before it has its name.
    Raises `OSError`; then the file is as it was, and nothing is left beside it: whoever tries again and again on a full
    disk would leave a file each time."""
    fresh = path.with_name(f".{path.name}.{uuid7_hex()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
