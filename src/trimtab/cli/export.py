"""`trimtab export`: a project's rows as files, or what it is configured to as the files of a folder."""

import time
from pathlib import Path
from typing import Any, cast

import click

from trimtab.cli.base import Span, api_command, print_json, project_option
from trimtab.cli.folder_files import name_of, write_files
from trimtab.core.errors import Conflict
from trimtab.sdk.client import Client


@click.command()
@click.argument("what", type=click.Choice(("spans", "content", "ledger", "scores", "config")))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The folder. [default: .]"
)
@click.option(
    "--format", "fmt", type=click.Choice(("parquet", "jsonl")), default="parquet", show_default=True,
    help="What the files are.",
)  # fmt: skip
@click.option("--since", type=Span(), default="24h", show_default=True, help="How far back.")
@click.option("-q", "query", default="", help="Only spans that this search finds.")
@click.option("--rows", type=click.IntRange(1, 50_000), default=50_000, show_default=True, help="Rows per file.")
@click.option(
    "--folder", default="", help="Of config: the name of the folder. [default: that of the one in --out, else main]"
)
@click.option(
    "--take", is_flag=True, help="Of config: also what belongs to no folder; it is the folder's once it is applied."
)
@click.option("--force", is_flag=True, help="Of config: write over files that are there.")
@project_option
@api_command
def command(what: str, *, project: str, client: Client, as_json: bool, **options: Any) -> None:
    """Write a project's spans, contents, ledger or scores to files, oldest first: WHAT-0001.parquet and so on.

    WHAT may also be config: prompts, apps, models and all else that belongs to a folder, as its files. A plan of these
    finds nothing to do. What belongs to no folder is named; --take writes it, too.

    \b
    Examples:
      trimtab export spans --since 30d --out exports
      trimtab export ledger --format jsonl --since 7d
      trimtab export config --out deploy/trimtab --take
    """
    if what == "config":
        _config(client, project, options, as_json=as_json)
        return
    until = int(time.time() * 1000)
    out, fmt = cast("Path", options["out"]), options["fmt"]
    window = (until - options["since"], until)
    out.mkdir(parents=True, exist_ok=True)
    files: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        page = client.kept.export(
            project, f"{what}.{fmt}", q=options["query"], window=window, limit=options["rows"], cursor=cursor
        )
        if page.rows or not files:
            path = out / f"{what}-{len(files) + 1:04d}.{fmt}"
            _write(path, page.content)
            files.append({"file": str(path), "rows": page.rows, "bytes": len(page.content)})
            if not as_json:
                click.echo(f"{path}: {page.rows} rows")
        cursor = page.cursor
        if cursor is None:
            break
    if as_json:
        print_json(files)


def _config(client: Client, project: str, options: dict[str, Any], *, as_json: bool) -> None:
    out = cast("Path", options["out"])
    # Without the name that is there, what belongs to the folder would be left out of its own files.
    found = client.folders.export(project, options["folder"] or name_of(out) or "main", take=options["take"])
    places = write_files(out, found.files, force=options["force"])
    if as_json:
        print_json({"files": [str(place) for place in places], "left_out": found.left_out, "unowned": found.unowned})
        return
    click.echo("\n".join(str(place) for place in places))
    for each in found.left_out:
        click.echo(f"Not in them: {each}.")
    if found.unowned:
        click.echo(f"Not in them, as it belongs to no folder: {', '.join(found.unowned)}.")
        click.echo("  -> With --take it is in them, and the folder's once they are applied.")


def _write(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise Conflict(f"{path} is there already.", fix="Give an empty folder with --out.") from None
