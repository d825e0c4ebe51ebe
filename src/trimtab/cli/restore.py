"""`trimtab restore`: a data folder from a backup."""

from pathlib import Path

import click

from trimtab.cli.base import files_told, print_json, teller, told


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--data-dir", required=True, envvar="TRIMTAB_DATA_DIR", help="The new data folder. [env: TRIMTAB_DATA_DIR]"
)
@click.option(
    "--receipts", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Receipts of erasures since (`trimtab erase --list --json`), where the backup's manifest does not have them.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(source: Path, *, data_dir: str, receipts: Path | None, as_json: bool) -> None:
    """Make a new data folder from the backup SOURCE; then start a server on it with `trimtab up`.

    Every file is checked first, and rows are counted after. Nothing is written over: the data folder must not exist, or
    be empty. What was erased since the backup was taken is erased again when the server starts.

    \b
    Example:
      trimtab restore /backups/2026-11-21 --data-dir /var/lib/trimtab-2
    """
    from trimtab.server.backup_notes import read_receipts
    from trimtab.server.restore import restore

    with files_told(as_json=as_json), told(as_json=as_json):
        erased = read_receipts(receipts) if receipts is not None else ()
        made = restore(source, Path(data_dir), teller(as_json=as_json), erased=erased)
    rows = {table.name: table.rows for table in made.tables}
    if as_json:
        print_json({"data_dir": data_dir, "rows": rows, "trimtab": made.trimtab})
        return
    counted = ", ".join(f"{count} {name}" for name, count in rows.items() if count)
    click.echo(f"Restored {data_dir}: {counted or 'no rows'}.")
    click.echo(f"Start it: trimtab up --data-dir {data_dir}")
