"""Content encrypted at rest: AES-256-GCM with a project's data key, whose id stands with each ciphertext.

A sealed content is the bytes C1 EE, the id of the key (16 hex digits), a nonce of 96 bits, and ciphertext with tag
(NIST SP 800-38D), bound to the project. No text in UTF-8 holds C1 and no msgpack value begins with it, so what is
sealed is told from what is not, and a project may have both. A sealed text is ``\\x02tts1:`` and the same in base64.

`Keyring` has the opened keys, and is immutable; `Keys` has the one in force. The server's processes take it from the
catalog with their snapshot and keep a file beside it, with the keys still wrapped, for processes without a catalog (the
telemetry process) and for starts while it is away.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import os
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from trimtab.core.errors import NotFound, Unavailable
from trimtab.core.whole_file import replace_file
from trimtab.governance.data_key import DataKey, unwrap
from trimtab.governance.secrets import SecretBox

logger = logging.getLogger("trimtab.governance.sealing")

HEAD: Final = b"\xc1\xee"
SPOOLED: Final = b"\xc1\xed"
"""What a sealed record in the spool begins with; then about how many bytes it takes in memory (u32), then as `HEAD`."""
TEXT: Final = "\x02tts1:"
FILE: Final = "data-keys.json"
_ID: Final = slice(2, 18)
_NONCE: Final = slice(18, 30)
_BODY: Final = 30
_weight: Final = struct.Struct("<I")
LOOK_EVERY_S: Final = 0.1


class KeyDestroyed(NotFound):
    """What was sealed with a key that somebody destroyed: it is gone."""

    def __init__(self) -> None:
        super().__init__(
            "The key that this content was encrypted with was destroyed.",
            fix="Nothing can bring it back: to destroy the key was to erase the content.",
            code="content_key_destroyed",
        )


class KeyUnknown(Unavailable):
    """Sealed with a key that this process does not know (yet)."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"Content was encrypted with the data key {key_id!r}, which is not known here.",
            fix="Give back the catalog, or the data folder's file 'data-keys.json', that has it.",
            code="content_key_unknown",
            retry_after_s=1.0,
        )


class _Key:
    __slots__ = ("about", "cipher", "id", "mark", "project", "secret")

    def __init__(self, key_id: str, project: str, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.id = key_id
        self.project = project
        self.mark = HEAD + key_id.encode()
        self.about = f"trimtab content\0{project}".encode()
        self.cipher: AESGCM = AESGCM(secret)
        self.secret = hmac.digest(secret, b"trimtab same nonce", "sha256")


class Keyring:
    """The opened keys of an instance. An empty one seals nothing. Safe to use from any thread."""

    def __init__(self, keys: Iterable[tuple[DataKey, bytes]] = (), destroyed: Iterable[str] = ()) -> None:
        self._by_id: dict[str, _Key] = {}
        self._active: dict[str, _Key] = {}
        self._destroyed = frozenset(destroyed)
        for key, secret in keys:
            made = self._by_id[key.id] = _Key(key.id, key.project_id, secret)
            if key.state == "active":
                self._active[key.project_id] = made

    def __repr__(self) -> str:
        return f"Keyring({len(self._by_id)} keys)"

    @property
    def is_empty(self) -> bool:
        """No project is encrypted: nothing is to be sealed."""
        return not self._active

    @property
    def destroyed(self) -> int:
        """How many keys of the instance are destroyed: goes up when content may have been erased by that."""
        return len(self._destroyed)

    def seals(self, project: str) -> bool:
        """Whether what is new in a project (its id) is sealed."""
        return project in self._active

    def has(self, project: str) -> bool:
        """Whether some of a project's content may be sealed."""
        return any(key.project == project for key in self._by_id.values())

    def seal(self, project: str, content: bytes) -> bytes:
        """The content itself where the project is not encrypted, or where it is empty."""
        key = self._active.get(project)
        if key is None or not content:
            return content
        nonce = os.urandom(12)
        return key.mark + nonce + key.cipher.encrypt(nonce, content, key.about)

    def seal_same(self, project: str, content: bytes) -> bytes:
        """The same, and the same content gives the same bytes, so that it can be stored by what it is: the nonce is a
        keyed hash of the content. Who reads the disk learns which of a project's contents are equal."""
        key = self._active.get(project)
        if key is None or not content:
            return content
        nonce = hmac.digest(key.secret, hashlib.sha256(content).digest(), "sha256")[:12]
        return key.mark + nonce + key.cipher.encrypt(nonce, content, key.about)

    def open(self, content: bytes) -> bytes:
        """The content itself where it is not sealed. Raises `KeyDestroyed`, `KeyUnknown`, and `Unavailable` for what is
        damaged."""
        if content[:2] != HEAD or len(content) < _BODY + 16:
            return content
        key_id = content[_ID].decode("ascii", "replace")
        key = self._by_id.get(key_id)
        if key is None:
            if key_id in self._destroyed:
                raise KeyDestroyed
            raise KeyUnknown(key_id)
        from cryptography.exceptions import InvalidTag

        try:
            return key.cipher.decrypt(content[_NONCE], content[_BODY:], key.about)
        except InvalidTag as error:
            raise Unavailable(
                "Encrypted content is damaged.",
                fix="Restore it from a backup.",
                code="content_damaged",
                retryable=False,
            ) from error

    def seal_text(self, project: str, text: str) -> str:
        if project not in self._active or not text:
            return text
        return TEXT + base64.b64encode(self.seal(project, text.encode("utf-8", "surrogatepass"))).decode()

    def open_text(self, text: str) -> str:
        """Raises what `open` raises."""
        if not text.startswith(TEXT):
            return text
        try:
            sealed = base64.b64decode(text[len(TEXT) :], validate=True)
        except binascii.Error:
            return text  # it only looks like one
        return self.open(sealed).decode("utf-8", "surrogatepass")

    # --- records of the spool ---

    def seal_record(self, project: str, body: bytes, weight: int) -> bytes:
        """``weight`` is about how many bytes it takes in memory once it is read."""
        if project not in self._active:
            return body
        return SPOOLED + _weight.pack(min(weight, 0xFFFFFFFF)) + self.seal(project, body)

    def open_record(self, body: bytes) -> bytes:
        """Raises what `open` raises."""
        return self.open(body[6:]) if body[:2] == SPOOLED else body


def weight_of(body: bytes) -> int | None:
    """Of a sealed record; None for any other."""
    return _weight.unpack_from(body, 2)[0] if body[:2] == SPOOLED and len(body) >= 6 else None


def ring_of(box: SecretBox, keys: Iterable[DataKey]) -> Keyring:
    """Raises `Unavailable` where the instance's key does not open them."""
    kept = list(keys)
    opened = [(key, unwrap(box, key)) for key in kept if key.state != "destroyed"]
    return Keyring(opened, (key.id for key in kept if key.state == "destroyed"))


class Keys:
    """The keyring in force. ``box`` gives the instance's key when it is first needed: most instances never do."""

    def __init__(self, folder: Path, box: Callable[[], SecretBox], now_s: Callable[[], float] = time.monotonic) -> None:
        self.ring = Keyring()
        self._folder = folder
        self._box = box
        self._now_s = now_s
        self._known: tuple[DataKey, ...] = ()
        self._stamp: tuple[int, int] = (0, 0)
        self._look_at_s = float("-inf")

    def put(self, keys: Iterable[DataKey]) -> None:
        """Those of the catalog, as they are now: written down first, so that whoever meets what is sealed with them can
        find them. Blocks. Raises `OSError`, and `Unavailable` for another instance's key."""
        known, path = tuple(keys), self._folder / FILE
        written = path.read_bytes() if path.exists() else b""
        body = msgspec.json.encode(known) if known or written else b""
        if known == self._known and body == written:
            return
        ring = ring_of(self._box(), known) if known else Keyring()
        if body != written:
            replace_file(path, body, sync=True)  # on the disk before anything is sealed with them
        self.ring, self._known = ring, known

    def look(self, *, now: bool = False) -> Keyring:
        """Those of the file, for a process without a catalog; at most every `LOOK_EVERY_S`, or ``now``. A file that
        cannot be read leaves what was known."""
        at = self._now_s()
        if now or at >= self._look_at_s:
            self._look_at_s = at + LOOK_EVERY_S
            try:
                found = (self._folder / FILE).stat()
            except FileNotFoundError:
                return self.ring
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                try:
                    known = msgspec.json.decode((self._folder / FILE).read_bytes(), type=tuple[DataKey, ...])
                    self.ring, self._known, self._stamp = ring_of(self._box(), known), known, stamp
                except (OSError, msgspec.DecodeError, Unavailable) as error:
                    logger.warning("the data keys stay as they were: %s", error)
        return self.ring

    def opened(self, body: bytes) -> bytes:
        """A record of the spool, by the keys in force. Raises what `Keyring.open` raises."""
        return self.ring.open_record(body)

    def open_record(self, body: bytes) -> bytes:
        """A record of the spool, for a process without a catalog. Raises what `Keyring.open` raises."""
        try:
            return self.look().open_record(body)
        except KeyUnknown:
            return self.look(now=True).open_record(body)
