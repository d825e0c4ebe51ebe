"""`trimtab projects`: the boundaries that nothing crosses."""

import click

from trimtab.cli.base import api_command, expect_option, local_time, print_json, print_table
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
    print_table(
        ("SLUG", "NAME", "CONTENT", "CREATED"),
        rows,
        empty="There are no projects that you may see. Make one with: trimtab projects create shop",
    )


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


@command.command("set")
@click.argument("slug")
@click.option("--name", default=None, help="A name for people.")
@click.option("--content/--no-content", default=None, help="Keep prompts and answers from now on, or numbers only.")
@click.option(
    "--audit-reads", default=None, metavar="none|all|CLASS",
    help="Which reads of content stand in the audit log: all, or those of a data class and above.",
)  # fmt: skip
@click.option(
    "--text-index/--no-text-index", default=None,
    help="Let bare words of a search find what is said from now on (docs/search.md says what it costs).",
)  # fmt: skip
@expect_option
@api_command
def change(
    slug: str, *, name: str | None, content: bool | None, audit_reads: str | None, text_index: bool | None,
    expect: int | None, client: Client, as_json: bool,
) -> None:  # fmt: skip
    """Change a project.

    \b
    Example:
      trimtab projects set support --audit-reads personal
    """
    wanted = {"name": name, "capture_content": content, "audit_reads": audit_reads, "expected_revision": expect}
    project = client.change_project(slug, **{key: value for key, value in wanted.items() if value is not None})
    if text_index is not None:
        client.search.set_text_index(slug, text_index)
    if as_json:
        print_json(project)
    else:
        kept = "kept" if project.capture_content else "not kept"
        words = {None: "", True: ", found by its words from now on", False: ", no longer found by its words"}[
            text_index
        ]
        click.echo(f"{project.slug}: content is {kept}{words}, reads in the audit log: {project.audit_reads}.")
