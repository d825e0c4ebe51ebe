"""Secrets at rest: AES-256-GCM under one key of the instance, bound to the place they belong to.

The key is TRIMTAB_SECRET_KEY, or 32 random bytes in a file of the data folder that only its owner may read. Both may
name several, the newest first (by commas, or a line each): the first one seals, all of them open, so that a key can be
changed while the server runs (`rotate`).

A sealed text is ``v1.<key id>.<base64url of nonce, ciphertext and tag>``; the key id (a digest's first bytes) tells a
wrong key from damage, so neither ever yields garbage. NIST SP 800-38D: 96-bit random nonces are safe for 2^32 seals of
one key.
"""

import base64
import binascii
import contextlib
import fcntl
import hashlib
import hmac
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.core.whole_file import replace_file

logger = logging.getLogger("trimtab.governance.secrets")

FILE = "secret.key"
_MAKE = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


class SecretBox:
    """Seals and opens texts. ``context`` says what a secret is for (``provider/<project>/<name>``); a sealed text moved
    to another place does not open there."""

    def __init__(self, key: bytes, *older: bytes, again: Callable[[], Sequence[bytes]] | None = None) -> None:
        self._again = again
        self._held = _Held((key, *older))

    def __repr__(self) -> str:
        return f"SecretBox({self._held.newest})"

    def refresh(self) -> None:
        """Read the keys again from where they are kept. What was known before still opens, until the process ends."""
        if self._again is not None:
            held, now = self._held.keys, tuple(self._again())
            if now != held[: len(now)]:
                self._held = _Held((*now, *(key for key in held if key not in now)))

    def _latest(self) -> "_Held":
        """As `refresh`, before something is sealed or signed: another process may have put a newer key there, and may
        be about to forget ours. Where the file cannot be read now, what is known stays in force."""
        try:
            self.refresh()
        except (OSError, InvalidRequest) as error:
            logger.warning("the secret key stays as it was: %s", error)
        return self._held

    @property
    def key_ids(self) -> list[str]:
        """Of the keys that open, the newest first."""
        return list(self._held.ciphers)

    def derived(self, purpose: str) -> bytes:
        """32 bytes that only this key gives for that purpose (HMAC-SHA-256, as HKDF's extraction in RFC 5869); of the
        newest key."""
        return self.derived_all(purpose)[0]

    def derived_all(self, purpose: str) -> list[bytes]:
        """The same of each key, the newest first."""
        told = b"trimtab derived key\0" + purpose.encode()
        return [hmac.digest(key, told, "sha256") for key in self._latest().keys]

    def is_newest(self, sealed: str) -> bool:
        """Whether a sealed text was sealed with the newest key."""
        return sealed.split(".", 2)[1:2] == [self._held.newest]

    def seal(self, text: str, context: str) -> str:
        held, nonce = self._latest(), os.urandom(12)
        body = nonce + held.ciphers[held.newest].encrypt(nonce, text.encode(), context.encode())
        return f"v1.{held.newest}.{base64.urlsafe_b64encode(body).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """The text, or `Unavailable` that says which of wrong key and damage it is. A key that is not known is looked
        for once more where the keys are kept: another process may have put it there."""
        from cryptography.exceptions import InvalidTag

        version, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        if version == "v1" and key_id not in self._held.ciphers:
            self.refresh()
        cipher = self._held.ciphers.get(key_id)
        if version == "v1" and cipher is None:
            raise Unavailable(
                "A stored secret was sealed with another secret key than this server has.",
                fix="Give back the key it was sealed with (TRIMTAB_SECRET_KEY, or the file 'secret.key' of the data "
                "folder), or enter the secret again.",
                code="wrong_secret_key",
                retryable=False,
            )
        try:
            raw = base64.b64decode(body, altchars=b"-_", validate=True)
            if cipher is None:
                raise ValueError("not a sealed text")
            return cipher.decrypt(raw[:12], raw[12:], context.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Unavailable(
                "A stored secret is damaged or not where it belongs.",
                fix="Enter the secret again, or restore the database from a backup.",
                code="damaged_secret",
                retryable=False,
            ) from error


class _Held:
    """Keys that are known, and their ciphers by id, both the newest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        # Imported here: the library costs 40 ms, and the command line imports this room without needing it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.keys = tuple(keys)
        self.ciphers = {id_of(key): AESGCM(key) for key in self.keys}
        self.newest = id_of(self.keys[0])


def id_of(key: bytes) -> str:
    """Twelve hex digits of a digest, which stand with everything that the key seals."""
    return hashlib.sha256(b"trimtab key id\0" + key).hexdigest()[:12]


def parse_key(text: str) -> bytes:
    """32 bytes from 64 hex digits or 43 or 44 characters of base64. Raises `InvalidRequest`, without them."""
    text = text.strip()
    raw = b""
    with contextlib.suppress(binascii.Error, ValueError):
        raw = bytes.fromhex(text) if len(text) == 64 else _base64(text)
    if len(raw) != 32:
        raise InvalidRequest(
            "TRIMTAB_SECRET_KEY must be 32 bytes, as 64 hex digits or in base64.",
            fix=f"Make one with: {_MAKE}",
            param="TRIMTAB_SECRET_KEY",
        )
    return raw


def _base64(text: str) -> bytes:
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)


def parse_keys(text: str) -> list[bytes]:
    """Keys separated by commas or line ends, the newest first. Raises `InvalidRequest`."""
    return [parse_key(each) for each in text.replace(",", "\n").split("\n") if each.strip()] or [parse_key(text)]


def load(data_dir: Path, variable: str | None) -> SecretBox:
    """The instance's box: from the variable's value where set, else from the key file, made if it is absent."""
    if variable:
        return SecretBox(*parse_keys(variable))
    path = data_dir / FILE
    if not path.exists():
        _create(path)
    return SecretBox(*_read(path), again=lambda: _read(path))


def rotate(data_dir: Path) -> str:
    """Put a new key before those of the key file; its id. Whoever has loaded the file finds it when it meets what was
    sealed with it. Raises `InvalidRequest` where the file cannot be read."""
    path, made = data_dir / FILE, os.urandom(32)
    with _alone(data_dir):
        _replace(path, [made, *_read(path)])
    return id_of(made)


def forget(data_dir: Path) -> int:
    """Leave only the newest key in the key file; how many were taken out."""
    path = data_dir / FILE
    with _alone(data_dir):
        newest, *others = _read(path)
        if others:
            _replace(path, [newest])
    return len(others)


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    """No other process changes the keys meanwhile: of two new ones at once one would be lost, with all it sealed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, keys: Sequence[bytes]) -> None:
    replace_file(path, b"".join(base64.urlsafe_b64encode(key) + b"\n" for key in keys), sync=True)
    _sync(path.parent)


def _create(path: Path) -> None:
    """Whole or not at all, and never over another process's: written aside, then linked under its name."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # 0600 by its contract
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        Path(aside).unlink()
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> list[bytes]:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InvalidRequest(
            f"Others than its owner may read the key file {path}.",
            fix=f"Run: chmod 600 {path}",
            param="TRIMTAB_DATA_DIR",
        )
    try:
        return parse_keys(path.read_text(encoding="ascii"))
    except (InvalidRequest, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"The key file {path} is damaged.",
            fix="Restore it from a backup. Without it stored secrets cannot be read: delete it only to start afresh, "
            "and enter every provider's secret again.",
            param="TRIMTAB_DATA_DIR",
        ) from error
