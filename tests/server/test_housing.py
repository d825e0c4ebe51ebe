"""The data folder: private, one server at a time, and told in words when it cannot be used."""

import asyncio
import errno
import os
from pathlib import Path

import msgspec
import pytest

from patience import PATIENCE_S
from trimtab.core.errors import Conflict, Unavailable
from trimtab.server import running
from trimtab.server.housing import House, RunFile


def test_a_folder_is_made_private_and_held_by_one_server(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    with pytest.raises(Conflict, match="Another server"):
        House(tmp_path / "data")
    House(tmp_path / "data", shared=True)
    house.leave()
    House(tmp_path / "data").leave()


def test_the_run_file_says_where_the_server_is_while_it_is_there(tmp_path: Path) -> None:
    house = House(tmp_path)
    note = RunFile(pid=7, url="http://127.0.0.1:1", version="1")
    house.announce(note)
    assert msgspec.json.decode(house.run_file.read_bytes(), type=RunFile) == note
    assert house.run_file.stat().st_mode & 0o777 == 0o600
    house.leave()
    assert not house.run_file.exists()


def test_a_server_whose_run_file_finds_no_room_leaves_it_once_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    monkeypatch.setattr(running, "NOTE_AGAIN_S", 0.01)
    tries = list[str]()

    class Full(House):
        def announce(self, note: RunFile) -> None:
            tries.append(note.url)
            if len(tries) < 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().announce(note)

    async def story() -> None:
        full = Full(tmp_path, shared=True)
        running.leave_note(full, RunFile(pid=7, url="http://127.0.0.1:1", version="1"))
        async with asyncio.timeout(PATIENCE_S):
            while not full.run_file.exists():  # noqa: ASYNC110  a timer of the loop's writes it
                await asyncio.sleep(0.01)

    asyncio.run(story())
    assert len(tries) == 3
    house.leave()


def test_a_folder_with_a_long_path_still_has_room_for_sockets(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    house = House(deep)
    again = House(deep, shared=True)
    assert len(str(house.run / "telemetry.sock")) <= 103
    assert house.run == again.run
    assert house.run.stat().st_mode & 0o777 == 0o700
    house.run.rmdir()


def test_a_folder_that_cannot_be_made_is_told_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be used") as caught:
        House(tmp_path / "file" / "data")
    assert "--data-dir" in caught.value.fix
