"""`trimtab routes`: the trees by which calls find their targets."""

import json
from pathlib import Path
from typing import Any

import click

from trimtab.cli import decisions
from trimtab.cli.base import api_command, expect_option, old_name, print_json, print_table, project_option, seen_option
from trimtab.cli.route_files import read_json, read_route
from trimtab.core.errors import NotFound
from trimtab.sdk.client import Client


@click.group()
def command() -> None:
    """List, show, set, explain and remove the routes of a project."""


@command.command("list")
@project_option
@api_command
def list_routes(*, project: str, client: Client, as_json: bool) -> None:
    """List the routes that clients of a project may call.

    \b
    Example:
      trimtab routes list
    """
    routes = client.routes(project)
    if as_json:
        print_json(routes)
        return
    rows = [(r.name, r.version or "-", r.source, [leaf.model for leaf in r.targets], r.trouble or "ok") for r in routes]
    print_table(
        ("NAME", "VERSION", "SOURCE", "TARGETS", "STATE"),
        rows,
        empty="No routes yet. Add one with: trimtab routes set smart --file route.yaml",
    )


@command.command()
@click.argument("name")
@project_option
@api_command
def show(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show a route: its tree, and how its targets fare on the worker that answers.

    \b
    Example:
      trimtab routes show smart
    """
    route = client.route(project, name)
    if as_json:
        print_json(route)
        return
    click.echo(f"{route.name} ({route.source}{f', version {route.version}' if route.version else ''}) {route.about}")
    if route.trouble:
        click.echo(f"Cannot be used in full: {route.trouble}")
    for said in route.advice:
        click.echo(said)
    click.echo(json.dumps(route.tree, indent=2, ensure_ascii=False))
    if route.affinity:
        click.echo(f"affinity: {json.dumps(route.affinity)}")
    rows = [
        (leaf.node, leaf.model, leaf.provider, leaf.health, leaf.breaker, leaf.in_flight, leaf.latency)
        for leaf in route.targets
    ]
    columns = ("NODE", "MODEL", "PROVIDER", "HEALTH", "BREAKER", "UNDER WAY", "LATENCY MS")
    print_table(columns, rows, empty="No target.")


@command.command("set")
@click.argument("name")
@click.option("--file", "file", type=click.Path(path_type=Path), required=True, help="The route, as YAML or JSON.")
@expect_option
@project_option
@api_command
def set_route(name: str, *, file: Path, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Add the route NAME, or replace what the file gives of it. In force on every worker when it returns.

    \b
    Example:
      echo 'tree: {node: fallback, of: [fast, slow]}' > route.yaml
      trimtab routes set smart --file route.yaml
    """
    route = read_route(file, name, to_write=True)
    try:
        made = client.change_route(project, name, {**route, "expected_revision": expect})
    except NotFound:
        if expect:
            raise
        made = client.create_route(project, name, route)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Route {made.name} version {made.version}: {', '.join(leaf.model for leaf in made.targets)}.")
        for said in made.advice:
            click.echo(said)


@command.command()
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove a route: clients can no longer call it. Its traces stay.

    \b
    Example:
      trimtab routes remove smart
    """
    client.delete_route(project, name, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed the route {name}.")


@command.command()
@click.argument("name")
@click.option("--say", default=None, help="What a person says: a request with this one message.")
@click.option("--body", "body", type=click.Path(path_type=Path), default=None, help="A request's body, as a JSON file.")
@click.option("--header", multiple=True, metavar="NAME:VALUE", help="A header of the request; repeat for more.")
@click.option("--dialect", default="openai_chat", show_default=True, help="The body's wire format.")
@click.option("--file", "file", type=click.Path(path_type=Path), default=None, help="Explain this tree instead.")
@click.option("--draw", type=click.FloatRange(0, 1, max_open=True), default=None, help="Instead of chance, in [0, 1).")
@project_option
@api_command
def explain(name: str, *, project: str, client: Client, as_json: bool, **given: Any) -> None:
    """Show what a route would decide for a request, and why. No provider is asked.

    \b
    Examples:
      trimtab routes explain smart --say "Where is my order?" --header "trimtab-tags: vip"
      trimtab routes explain smart --body request.json --file new.yaml
    """
    explained = client.explain_route(project, name, _request(**given))
    if as_json:
        print_json(explained)
        return
    steps = [(step.node, step.took, step.why, step.value) for step in explained.steps]
    print_table(("NODE", "TOOK", "WHY", "BY"), steps, empty="Nothing to decide: the tree says it all.")
    click.echo()
    rows = [
        (line.model, line.provider, line.node, line.verdict, line.reason, decisions.known(line))
        for line in explained.candidates
    ]
    print_table(("MODEL", "PROVIDER", "NODE", "VERDICT", "REASON", "KNOWN"), rows, empty="")
    if explained.doubts:
        click.echo(
            f"\nA whole answer is asked of the stronger target again when in doubt: {', '.join(explained.doubts)}."
        )
    for said in (explained.trouble, *explained.advice):
        if said:
            click.echo(f"\n{said}")


def _request(
    *, say: str | None, body: Path | None, header: tuple[str, ...], dialect: str, file: Path | None, draw: float | None
) -> dict[str, Any]:
    if (say is None) == (body is None):
        raise click.UsageError("Give either --say or --body.")
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": say}]} if body is None else read_json(body)
    headers: dict[str, str] = {}
    for line in header:
        name, colon, value = line.partition(":")
        if not colon:
            raise click.UsageError(f"{line!r} is no header; write for example --header 'trimtab-tags: vip'.")
        headers[name.strip()] = value.strip()
    tree = None if file is None else read_route(file)["tree"]
    return {"body": asked, "headers": headers, "dialect": dialect, "tree": tree, "draw": draw}


old_name(command, "delete", remove)
