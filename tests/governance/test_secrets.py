"""Secrets at rest: they open only with their key, only where they belong, and never as garbage."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patience import PATIENCE_S
from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.governance import secrets
from trimtab.governance.secrets import FILE, SecretBox, load, parse_key

BOX = SecretBox(bytes(range(32)))


@given(st.text(), st.text())
def test_what_was_sealed_opens_again(text: str, context: str) -> None:
    assert BOX.open(BOX.seal(text, context), context) == text


def test_sealing_twice_gives_two_texts_that_show_nothing() -> None:
    one, two = (BOX.seal("sk-canary-0123456789", "a") for _ in range(2))
    assert one != two
    assert "canary" not in one
    assert "canary" not in base64.urlsafe_b64decode(one.rpartition(".")[2]).decode("latin-1")


def test_another_key_is_told_as_such() -> None:
    with pytest.raises(Unavailable) as caught:
        SecretBox(bytes(32)).open(BOX.seal("x", "a"), "a")
    assert caught.value.code == "wrong_secret_key"
    assert "TRIMTAB_SECRET_KEY" in caught.value.fix


def test_a_secret_moved_to_another_place_does_not_open() -> None:
    with pytest.raises(Unavailable) as caught:
        BOX.open(BOX.seal("x", "provider/a/openai"), "provider/b/openai")
    assert caught.value.code == "damaged_secret"


@given(st.data())
def test_any_changed_character_is_noticed(data: st.DataObject) -> None:
    sealed = BOX.seal("sk-canary", "a")
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != sealed[at]))
    changed = sealed[:at] + other + sealed[at + 1 :]
    try:
        opened = BOX.open(changed, "a")
    except Unavailable:
        return
    # base64's last character carries bits that mean nothing: then it is the same text, never another.
    assert opened == "sk-canary"


@given(st.text())
def test_any_text_that_was_not_sealed_is_refused(text: str) -> None:
    with pytest.raises(Unavailable):
        BOX.open(text, "a")


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    sealed = load(data, None).seal("x", "a")
    assert stat.S_IMODE((data / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert load(data, None).open(sealed, "a") == "x"
    assert [path.name for path in data.iterdir()] == [FILE]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from trimtab.governance.secrets import load
print(load(Path({str(tmp_path)!r}), None))
"""
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=PATIENCE_S)[0] for process in running}
    assert len(said) == 1
    assert said.pop().startswith("SecretBox(")


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load(tmp_path, None)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(InvalidRequest) as caught:
        load(tmp_path, None)
    assert "chmod 600" in caught.value.fix


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe", b"x" * 43 + b"!"])
def test_a_damaged_key_file_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(InvalidRequest) as caught:
        load(tmp_path, None)
    assert "backup" in caught.value.fix
    assert (tmp_path / FILE).read_bytes() == content


def test_the_variable_wins_and_leaves_no_file(tmp_path: Path) -> None:
    key = os.urandom(32)
    assert repr(load(tmp_path, key.hex())) == repr(SecretBox(key))
    assert list(tmp_path.iterdir()) == []


@given(st.binary(min_size=32, max_size=32))
def test_every_usual_spelling_of_a_key_is_read(key: bytes) -> None:
    plain = base64.b64encode(key).decode()
    for text in (
        key.hex(),
        plain,
        plain.rstrip("="),
        base64.urlsafe_b64encode(key).decode(),
        f" {key.hex().upper()}\n",
    ):
        assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "x" * 42, "a" * 63, "é" * 43, "A" * 100])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_key(text)
    assert caught.value.param == "TRIMTAB_SECRET_KEY"
    assert len(text) < 10 or text not in caught.value.sentence()
    assert secrets.FILE not in caught.value.message


def test_a_process_that_never_met_the_new_key_seals_and_signs_with_it_once_it_is_there(tmp_path: Path) -> None:
    changes, waits = load(tmp_path, None), load(tmp_path, None)
    secrets.rotate(tmp_path)
    changes.refresh()
    secrets.forget(tmp_path)
    sealed = waits.seal("sk-1", "provider/p/lab")
    later = load(tmp_path, None)
    assert later.open(sealed, "provider/p/lab") == "sk-1"
    assert waits.derived("signs") == later.derived("signs")


def test_a_key_file_that_is_away_for_a_while_stops_nothing_that_runs(tmp_path: Path) -> None:
    box = load(tmp_path, None)
    (tmp_path / FILE).rename(tmp_path / "aside")
    sealed = box.seal("sk-1", "provider/p/lab")
    (tmp_path / "aside").rename(tmp_path / FILE)
    assert load(tmp_path, None).open(sealed, "provider/p/lab") == "sk-1"
