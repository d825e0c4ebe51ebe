"""`trimtab projects`: the boundaries that nothing crosses."""

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table
from trimtab.sdk.client import Client


@click.group()
def command() -> None:
    """List and create projects."""


@command.command("list")
@api_command
def list_projects(*, client: Client, as_json: bool) -> None:
    """List the projects this key may see.

    \b
    Example:
      trimtab projects list
    """
    projects = client.projects()
    if as_json:
        print_json(projects)
        return
    rows = [(p.slug, p.name, "kept" if p.capture_content else "not kept", local_time(p.created)) for p in projects]
    print_table(("SLUG", "NAME", "CONTENT", "CREATED"), rows, empty="There are no projects.")


@command.command()
@click.argument("slug")
@click.option("--name", default="", help="A name for people. [default: the slug]")
@click.option("--no-content", is_flag=True, help="Keep numbers only: no prompts, no answers.")
@api_command
def create(slug: str, *, name: str, no_content: bool, client: Client, as_json: bool) -> None:
    """Create a project.

    \b
    Example:
      trimtab projects create support --name "Support assistant"
    """
    project = client.create_project(slug, name, capture_content=not no_content)
    if as_json:
        print_json(project)
    else:
        click.echo(f"Created project {project.slug}.")
