"""What is sealed opens with its key alone, is never taken for what it is not, and is gone with its key."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import Unavailable
from trimtab.governance.data_key import DataKey, wrap
from trimtab.governance.sealing import FILE, HEAD, KeyDestroyed, Keyring, Keys, KeyUnknown, weight_of
from trimtab.governance.secrets import SecretBox

BOX = SecretBox(b"k" * 32)
ONE = DataKey(id="0" * 16, project_id="p1", state="active", wrapped="", created=1)
TWO = DataKey(id="1" * 16, project_id="p2", state="active", wrapped="", created=1)
RING = Keyring([(ONE, b"a" * 32), (TWO, b"b" * 32)])


@given(content=st.binary(max_size=2000), text=st.text(max_size=500))
def test_what_was_sealed_opens_as_it_was_and_what_was_not_stays_as_it_is(content: bytes, text: str) -> None:
    for sealed in (RING.seal("p1", content), RING.seal_same("p1", content)):
        assert RING.open(sealed) == content
        assert not content or sealed.startswith(HEAD)
    assert RING.open_text(RING.seal_text("p1", text)) == text
    assert RING.open_text(text) == text
    assert RING.seal("p3", content) == content
    assert RING.open_record(RING.seal_record("p1", content, 77)) == content
    assert weight_of(RING.seal_record("p1", content, 77)) == 77


def test_the_same_content_is_sealed_to_the_same_bytes_only_where_that_is_asked_for() -> None:
    assert RING.seal_same("p1", b"long text") == RING.seal_same("p1", b"long text")
    assert RING.seal_same("p1", b"long text") != RING.seal_same("p2", b"long text")
    assert RING.seal("p1", b"long text") != RING.seal("p1", b"long text")


@given(place=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_a_changed_byte_is_told_and_never_yields_another_text(place: int, flip: int) -> None:
    sealed = bytearray(RING.seal("p1", b"what was said"))
    sealed[place % len(sealed)] ^= flip
    try:
        opened = RING.open(bytes(sealed))
    except (Unavailable, KeyDestroyed):
        return
    assert opened == bytes(sealed), "it is no longer told as sealed"


def test_a_key_that_was_destroyed_is_told_from_one_that_is_not_known() -> None:
    sealed = RING.seal("p1", b"gone")
    with pytest.raises(KeyDestroyed):
        Keyring(destroyed=[ONE.id]).open(sealed)
    with pytest.raises(KeyUnknown):
        Keyring().open(sealed)


def test_another_process_finds_the_keys_in_the_file_and_a_key_of_the_file_is_wrapped(tmp_path: Path) -> None:
    secret = b"s" * 32
    key = msgspec.structs.replace(ONE, wrapped=wrap(BOX, ONE.project_id, ONE.id, secret))
    server, other = Keys(tmp_path, lambda: BOX), Keys(tmp_path, lambda: BOX, now_s=lambda: 0.0)
    server.put([])
    assert not (tmp_path / FILE).exists(), "who encrypts nothing has no such file"
    assert other.look().is_empty
    server.put([key])
    sealed = server.ring.seal_record("p1", b"a record", 8)
    assert secret not in (tmp_path / FILE).read_bytes()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert other.open_record(sealed) == b"a record", "it looks again for a key that it does not know"
    server.put([msgspec.structs.replace(key, state="destroyed", wrapped="")])
    other.look(now=True)
    with pytest.raises(KeyDestroyed):
        other.open_record(sealed)
    assert key.wrapped.encode() not in (tmp_path / FILE).read_bytes()
