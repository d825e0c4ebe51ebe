"""`trimtab backup`: one folder that a new server can be started from, taken while the server runs."""

from pathlib import Path

import click

from trimtab.cli.base import files_told, print_json, teller, told


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--data-dir", default=None, envvar="TRIMTAB_DATA_DIR", help="The server's data folder. [env: TRIMTAB_DATA_DIR]"
)
@click.option(
    "--wait", type=click.FloatRange(0), default=120.0, show_default=True,
    help="Give up when the telemetry store has taken nothing for so many seconds.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(target: Path, *, data_dir: str | None, wait: float, as_json: bool) -> None:
    """Back up a running server of this machine into the new folder TARGET. Run it as the server's user.

    Everything acknowledged before it began is in it, however long the store needs for it: catalog, telemetry, blobs,
    stored answers, and the key that opens stored secrets, so keep it as safe as the server. A PostgreSQL catalog and a
    ClickHouse server are backed up with their own tools (docs/backup.md).

    \b
    Example:
      trimtab backup /backups/2026-11-21 --data-dir /var/lib/trimtab
    """
    from trimtab.server.backup import Backup
    from trimtab.server.settings import Settings

    with files_told(as_json=as_json), told(as_json=as_json):
        settings = Settings.read(data_dir=data_dir)
        made = Backup(settings, target, wait_s=wait, say=teller(as_json=as_json)).make()
    rows = {table.name: table.rows for table in made.tables}
    size = sum(file.size for file in made.files.values())
    if as_json:
        print_json({"target": str(target), "files": len(made.files), "bytes": size, "rows": rows})
        return
    click.echo(f"Backed up {len(made.files)} files, {size / (1 << 20):.1f} MB: {target}")
    if made.catalog == "postgresql":
        click.echo("The catalog is a PostgreSQL database: back it up with pg_dump (docs/backup.md).", err=True)
    if made.telemetry == "clickhouse":
        click.echo("Telemetry is on a ClickHouse server: back it up with its BACKUP (docs/backup.md).", err=True)
