"""What a check says, and what every check is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from trimtab.server.settings import Settings

State = Literal["ok", "warn", "fail"]


class Check(Struct, frozen=True, kw_only=True):
    """One line of the report; ``fix`` is empty only where the state is ``ok``."""

    name: str
    state: State
    detail: str
    fix: str = ""


def ok(name: str, detail: str) -> Check:
    return Check(name=name, state="ok", detail=detail)


def warn(name: str, detail: str, fix: str) -> Check:
    return Check(name=name, state="warn", detail=detail, fix=fix)


def fail(name: str, detail: str, fix: str) -> Check:
    return Check(name=name, state="fail", detail=detail, fix=fix)


class RunNote(Struct, frozen=True):
    """``server.json`` of a running server."""

    pid: int
    url: str
    version: str = ""


class Patient(Struct, frozen=True, kw_only=True):
    """The installation being checked. ``server`` is the one that holds the data folder now, if any."""

    settings: "Settings"
    environ: Mapping[str, str]
    server: RunNote | None

    @property
    def folder(self) -> Path:
        return self.settings.data_dir.absolute()


def running_server(folder: Path) -> RunNote | None:
    """The server that holds the data folder: its note, if the process it names is there."""
    import os

    try:
        note = msgspec.json.decode((folder / "server.json").read_bytes(), type=RunNote)
        os.kill(note.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return note
