"""The data folder: private, one server at a time, and told in words when it cannot be used."""

from pathlib import Path

import msgspec
import pytest

from trimtab.core.errors import Conflict, Unavailable
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
