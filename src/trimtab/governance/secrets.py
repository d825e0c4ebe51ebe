"""Secrets at rest: AES-256-GCM under one key of the instance, bound to the place they belong to.

The key is TRIMTAB_SECRET_KEY, or 32 random bytes in a file of the data folder that only its owner may read. A sealed
text is ``v1.<key id>.<base64url of nonce, ciphertext and tag>``; the key id (a digest's first bytes) tells a wrong key
from damage, so neither ever yields garbage. NIST SP 800-38D: 96-bit random nonces are safe for 2^32 seals of one key.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import stat
import tempfile
from pathlib import Path

from trimtab.core.errors import InvalidRequest, Unavailable

FILE = "secret.key"
_MAKE = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


class SecretBox:
    """Seals and opens texts. ``context`` says what a secret is for (``provider/<project>/<name>``); a sealed text moved
    to another place does not open there."""

    def __init__(self, key: bytes) -> None:
        # Imported here: the library costs 40 ms, and the command line imports this room without needing it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._key = key
        self._id = hashlib.sha256(b"trimtab key id\0" + key).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"SecretBox({self._id})"

    def derived(self, purpose: str) -> bytes:
        """32 bytes that only this key gives for that purpose (HMAC-SHA-256, as HKDF's extraction in RFC 5869)."""
        return hmac.digest(self._key, b"trimtab derived key\0" + purpose.encode(), "sha256")

    def seal(self, text: str, context: str) -> str:
        nonce = os.urandom(12)
        body = nonce + self._cipher.encrypt(nonce, text.encode(), context.encode())
        return f"v1.{self._id}.{base64.urlsafe_b64encode(body).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """The text, or `Unavailable` that says which of wrong key and damage it is."""
        from cryptography.exceptions import InvalidTag

        version, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        if version == "v1" and key_id != self._id:
            raise Unavailable(
                "A stored secret was sealed with another secret key than this server has.",
                fix="Give back the key it was sealed with (TRIMTAB_SECRET_KEY, or the file 'secret.key' of the data "
                "folder), or enter the secret again.",
                code="wrong_secret_key",
                retryable=False,
            )
        try:
            raw = base64.b64decode(body, altchars=b"-_", validate=True)
            return self._cipher.decrypt(raw[:12], raw[12:], context.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Unavailable(
                "A stored secret is damaged or not where it belongs.",
                fix="Enter the secret again, or restore the database from a backup.",
                code="damaged_secret",
                retryable=False,
            ) from error


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


def load(data_dir: Path, variable: str | None) -> SecretBox:
    """The instance's box: from the variable's value where set, else from the key file, made if it is absent."""
    if variable:
        return SecretBox(parse_key(variable))
    path = data_dir / FILE
    if not path.exists():
        _create(path)
    return SecretBox(_read(path))


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
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InvalidRequest(
            f"Others than its owner may read the key file {path}.",
            fix=f"Run: chmod 600 {path}",
            param="TRIMTAB_DATA_DIR",
        )
    try:
        return parse_key(path.read_text(encoding="ascii"))
    except (InvalidRequest, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"The key file {path} is damaged.",
            fix="Restore it from a backup. Without it stored secrets cannot be read: delete it only to start afresh, "
            "and enter every provider's secret again.",
            param="TRIMTAB_DATA_DIR",
        ) from error
