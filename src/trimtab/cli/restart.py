"""`trimtab restart`: replace a server's workers one by one, without cutting a stream."""

import os
import signal
from pathlib import Path

import click
import msgspec

from trimtab.cli.base import print_json, told
from trimtab.core.errors import NotFound


@click.command()
@click.option(
    "--data-dir",
    default="trimtab-data",
    envvar="TRIMTAB_DATA_DIR",
    show_default=True,
    help="The data folder of the server. [env: TRIMTAB_DATA_DIR]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(data_dir: str, *, as_json: bool) -> None:
    """Replace the workers of a server on this machine, one by one, while it serves.

    Each new worker answers before the old one lets its streams finish, so none is cut: after an upgrade, or a change of
    the environment's code. Needs --workers 2 or more; changes of the config file are read without it.

    \b
    Example:
      trimtab restart --data-dir /var/lib/trimtab
    """
    with told(as_json=as_json):
        pid = _server(Path(data_dir))
    if as_json:
        print_json({"pid": pid})
    else:
        click.echo(f"Asked the server (pid {pid}) to replace its workers; its log tells when that is done.")


def _server(folder: Path) -> int:
    note = folder / "server.json"
    try:
        pid = int(msgspec.json.decode(note.read_bytes())["pid"])
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError, KeyError, TypeError):
        raise NotFound(
            f"No server that can be asked runs on the data folder {folder}.",
            fix="Give its folder with --data-dir, and run this as the same user.",
        ) from None
    return pid
