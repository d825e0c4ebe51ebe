"""`trimtab export`: a project's rows as files."""

import time
from pathlib import Path
from typing import Any, cast

import click

from trimtab.cli.base import Span, api_command, print_json, project_option
from trimtab.core.errors import Conflict
from trimtab.sdk.client import Client


@click.command()
@click.argument("what", type=click.Choice(("spans", "content", "ledger", "scores")))
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
@project_option
@api_command
def command(what: str, *, project: str, client: Client, as_json: bool, **options: Any) -> None:
    """Write a project's spans, contents, ledger or scores to files, oldest first: WHAT-0001.parquet and so on.

    \b
    Examples:
      trimtab export spans --since 30d --out exports
      trimtab export ledger --format jsonl --since 7d
    """
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


def _write(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise Conflict(f"{path} is there already.", fix="Give an empty folder with --out.") from None
