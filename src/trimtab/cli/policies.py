"""`trimtab policies`: Cedar policies of a project or an organisation, tried before they are switched on."""

import time
from pathlib import Path
from typing import Any

import click

from trimtab.cli.base import (
    Span,
    api_command,
    expect_option,
    local_time,
    print_json,
    print_table,
    project_option,
    seen_option,
)
from trimtab.core.errors import InvalidRequest
from trimtab.sdk import policy_types as t
from trimtab.sdk.client import Client

PLAN_S = 300.0
organisation_option = click.option("--organisation", help="Of this organisation: they hold in each of its projects.")
tests_option = click.option(
    "--tests", type=click.Path(exists=True, dir_okay=False), help="YAML or JSON; FILE.tests.yaml where it is there."
)
otherwise_option = click.option(
    "--otherwise",
    type=click.Choice(("allow", "deny")),
    default="allow",
    show_default=True,
    help="The answer where no policy fits, for the actions that the set speaks of.",
)
file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False))


@click.group()
def command() -> None:
    """Who may do what, which data may go where: policies in Cedar, with tests and a plan."""


@command.command("list")
@project_option
@organisation_option
@api_command
def list_policies(*, project: str, organisation: str | None, client: Client, as_json: bool) -> None:
    """Show the sets that hold in a project, its organisation's included.

    \b
    Example:
      trimtab policies list
    """
    found = list(client.access_policies.list(project, organisation=organisation))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.name,
            each.scope,
            "off" if each.in_force is None else f"v{each.in_force} of {each.newest}",
            ", ".join(policy.id for policy in each.policies),
            each.tests,
            each.broken,
        )
        for each in found
    ]
    empty = "No policies: permissions alone decide. Write some with: trimtab policies put data FILE.cedar"
    print_table(("SET", "OF", "IN FORCE", "POLICIES", "TESTS", "BROKEN"), rows, empty=empty)


@command.command("show")
@click.argument("name")
@click.option("--version", type=int, help="Another one than that in force.")
@project_option
@organisation_option
@api_command
def show(
    name: str, *, version: int | None, project: str, organisation: str | None, client: Client, as_json: bool
) -> None:
    """Print a set's text, and its versions.

    \b
    Example:
      trimtab policies show data
    """
    found = client.access_policies.get(project, name, organisation=organisation)
    if as_json:
        print_json(found)
        return
    wanted = version or found.set.in_force or found.set.newest
    for each in found.versions:
        state = " (in force)" if each.in_force else ""
        click.echo(f"// v{each.number}{state}, {each.author}, {local_time(each.created)}: {each.note or '-'}")
    click.echo(next((each.text for each in found.versions if each.number == wanted), "// There is no such version."))


@command.command("schema")
@api_command
def schema(*, client: Client, as_json: bool) -> None:
    """Print the Cedar schema that policies are written about.

    \b
    Example:
      trimtab policies schema > trimtab.cedarschema
    """
    text = client.access_policies.schema()
    if as_json:
        print_json({"schema": text})
    else:
        click.echo(text, nl=False)


@command.command("check")
@file_argument
@tests_option
@otherwise_option
@project_option
@api_command
def check(file: str, *, tests: str | None, otherwise: str, project: str, client: Client, as_json: bool) -> None:
    """Say what is wrong with FILE, by line, and run its tests. Nothing is kept. Exits with 1 where something is wrong.

    \b
    Example:
      trimtab policies check data.cedar
    """
    examples = read_tests(file, tests)
    found = client.access_policies.check(project, Path(file).read_text("utf-8"), tests=examples, otherwise=otherwise)
    if as_json:
        print_json(found)
    else:
        print_check(file, found)
    if not found.ok:
        raise click.exceptions.Exit(1)


def print_check(file: str, found: t.PolicyCheck) -> None:
    for each in found.mistakes:
        click.echo(f"{file}:{each.line}:{each.column}: {each.message}\n  -> {each.fix}")
    for test in found.tests:
        click.echo(f"{'ok  ' if test.passed else 'FAIL'} {test.name}{'' if test.passed else ': ' + test.why}")
    if found.ok:
        click.echo(f"{file} is good; {len(found.tests)} tests hold.")


@command.command("put")
@click.argument("name")
@file_argument
@tests_option
@otherwise_option
@click.option("--note", default="", help="Why; kept with the version.")
@click.option("--off", is_flag=True, help="Only write it; what was in force stays.")
@expect_option
@project_option
@organisation_option
@api_command
def put(
    name: str,
    file: str,
    *,
    tests: str | None,
    off: bool,
    expect: int | None,
    project: str,
    client: Client,
    as_json: bool,
    **more: Any,
) -> None:
    """Write FILE as a version of the set NAME, and put it in force.

    Refused while something is wrong with it or a test does not hold. See what it would do first: trimtab policies plan.

    \b
    Examples:
      trimtab policies put data data.cedar --note "Personal data stays in the EU"
      trimtab policies put house house.cedar --organisation default
    """
    text = Path(file).read_text("utf-8")
    made = client.access_policies.put(
        project, name, text, tests=read_tests(file, tests), on=not off, expected_revision=expect, **more
    )
    if as_json:
        print_json(made)
        return
    state = "is off" if made.in_force is None else f"has version {made.in_force} in force"
    click.echo(f"The set {made.name} {state}; newest is {made.newest}, with {made.tests} tests.")


def read_tests(file: str, given: str | None) -> list[dict[str, Any]]:
    """The examples beside a file of policies. Raises `InvalidRequest`."""
    import yaml

    beside = Path(file).with_suffix(".tests.yaml")
    where = Path(given) if given else beside if beside.exists() else None
    if where is None:
        return []
    try:
        found = yaml.safe_load(where.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{where} cannot be read: {error}", fix="Write a list of tests in YAML or JSON.") from None
    if not isinstance(found, list):
        raise InvalidRequest(f"{where} is no list of tests.", fix="Begin each with '- name: ...'.")
    return found  # pyright: ignore[reportUnknownVariableType]


@command.command("on")
@click.argument("name")
@click.option("--version", type=int, help="The newest, unless another is named.")
@expect_option
@project_option
@organisation_option
@api_command
def switch_on(
    name: str,
    *,
    version: int | None,
    expect: int | None,
    project: str,
    organisation: str | None,
    client: Client,
    as_json: bool,
) -> None:
    """Put a version of the set NAME in force.

    \b
    Example:
      trimtab policies on data --version 3
    """
    if version is None:
        found = client.access_policies.get(project, name, organisation=organisation).set
        version, expect = found.newest, found.revision if expect is None else expect  # newest, and still so
    made = client.access_policies.switch(project, name, version, organisation=organisation, expected_revision=expect)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Version {made.in_force} of {made.name} is in force.")


@command.command("off")
@click.argument("name")
@expect_option
@project_option
@organisation_option
@api_command
def switch_off(
    name: str, *, expect: int | None, project: str, organisation: str | None, client: Client, as_json: bool
) -> None:
    """Switch the set NAME off; its versions stay.

    \b
    Example:
      trimtab policies off data
    """
    made = client.access_policies.switch(project, name, None, organisation=organisation, expected_revision=expect)
    if as_json:
        print_json(made)
    else:
        click.echo(f"The set {made.name} is off.")


@command.command("remove")
@click.argument("name")
@seen_option
@project_option
@organisation_option
@api_command
def remove(
    name: str, *, expect: int | None, project: str, organisation: str | None, client: Client, as_json: bool
) -> None:
    """Remove the set NAME with all its versions.

    \b
    Example:
      trimtab policies remove data
    """
    client.access_policies.delete(project, name, organisation=organisation, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed the set {name}.")


@command.command("plan")
@click.argument("file", type=click.Path(exists=True, dir_okay=False), required=False)
@click.option("--name", help="The set it would replace; FILE's name where left out. Without FILE: the set to remove.")
@otherwise_option
@click.option("--since", type=Span(), default="7d", show_default=True, help="How far back, e.g. 24h or 7d.")
@click.option("-q", "--query", "query", default="", help="Which calls, as in `trimtab traces list -q`.")
@project_option
@api_command
def plan(
    file: str | None,
    *,
    name: str | None,
    otherwise: str,
    since: int,
    query: str,
    project: str,
    client: Client,
    as_json: bool,
) -> None:
    """Say which of last week's calls FILE would have refused or sent elsewhere. No provider is asked, nothing is kept.

    \b
    Examples:
      trimtab policies plan data.cedar
      trimtab policies plan data.cedar --since 24h -q 'app:support'
      trimtab policies plan --name data
    """
    if file is None and name is None:
        raise InvalidRequest("There is nothing to plan.", fix="Give a FILE, or the --name of a set to be without.")
    text = None if file is None else Path(file).read_text("utf-8")
    named = name or Path(file or "").stem
    now = int(time.time() * 1000)
    with Client(client.url, timeout=PLAN_S) as patient:
        found = patient.access_policies.plan(
            project, text, name=named, otherwise=otherwise, q=query, start=now - since, end=now
        )
    if as_json:
        print_json(found)
    else:
        print_plan(found)


def print_plan(found: t.PolicyPlan) -> None:
    effect = found.effect
    click.echo(
        f"Of {effect.calls} calls: {effect.refused} would have been refused, {effect.rerouted} sent to another model, "
        f"{effect.allowed_again} allowed that were refused; {effect.unchanged} as they were."
    )
    rows = [
        (
            each.calls,
            f"-> {each.to}" if each.outcome == "rerouted" else each.outcome.replace("_", " "),
            each.model,
            each.data_class or None,
            each.key_name or each.key,
            each.app or None,
            each.policy or each.set or None,
            each.trace_id,
        )
        for each in effect.lines[:20]
    ]
    if rows:
        print_table(("CALLS", "WOULD BE", "MODEL", "CLASS", "KEY", "APP", "BY", "FOR EXAMPLE"), rows, empty="")
    for tool in found.tools:
        what = "dropped from" if tool.dropped else "refused with"
        click.echo(f"The tool {tool.tool} would be {what} {tool.calls} of the newest {found.tools_read} calls.")
    for note in effect.notes:
        click.echo(f"\n{note}")


# --- data ---


@command.command("classes")
@click.argument("classes", nargs=-1)
@click.option("--standard", default=None, help="That of calls of which nobody declared any.")
@expect_option
@project_option
@api_command
def data_classes(
    classes: tuple[str, ...],
    *,
    standard: str | None,
    expect: int | None,
    project: str,
    client: Client,
    as_json: bool,
) -> None:
    """Show the data classes of a project, or set them, the least sensitive first.

    \b
    Examples:
      trimtab policies classes
      trimtab policies classes public internal confidential personal --standard internal
    """
    now = client.access_policies.classes(project)
    if classes or standard is not None:
        wanted = now.standard if standard is None else standard
        expected = now.revision if expect is None else expect  # what is not said stays as it was read just now
        now = client.access_policies.set_classes(project, classes or now.classes, wanted, expected_revision=expected)
    if as_json:
        print_json(now)
        return
    click.echo(" < ".join(now.classes) + f"; nobody says: {now.standard or 'none'}")
    print_table(("OF", "NAME", "CLASS"), [(m.subject, m.name, m.data_class) for m in now.marks], empty="")


@command.command("mark")
@click.argument("subject", type=click.Choice(("key", "app", "dataset")))
@click.argument("name")
@click.argument("data_class", required=False, default="")
@click.option(
    "--expect-class", help="The class that it is to have had so far, '' for none: refused where it has another."
)
@project_option
@api_command
def mark(
    subject: str, name: str, data_class: str, *, expect_class: str | None, project: str, client: Client, as_json: bool
) -> None:
    """Say of what class the data of a key, an app or a dataset is; without a class: no more.

    \b
    Examples:
      trimtab policies mark key mobile-app personal
      trimtab policies mark app support
    """
    found = client.access_policies.set_class(project, subject, name, data_class, expected_class=expect_class)
    if as_json:
        print_json(found)
    else:
        click.echo(f"The {subject} {name} is {'of the class ' + data_class if data_class else 'of no class'}.")


@command.command("terms")
@click.argument("subject", type=click.Choice(("provider", "model")), required=False)
@click.argument("name", required=False)
@click.option("--region", help="Where it processes, e.g. eu-west-1.")
@click.option("--class", "data_classes", multiple=True, help="A data class that it may be given; repeatable.")
@click.option("--term", "terms", multiple=True, help="What was agreed, e.g. no-training; repeatable.")
@click.option("--remove", "gone", is_flag=True, help="Forget what was stated.")
@expect_option
@project_option
@api_command
def data_terms(
    subject: str | None,
    name: str | None,
    *,
    region: str | None,
    data_classes: tuple[str, ...],
    terms: tuple[str, ...],
    gone: bool,
    expect: int | None,
    **more: Any,
) -> None:
    """Show the data terms of models, or state those of a provider or a model: what policies go by.

    \b
    Examples:
      trimtab policies terms
      trimtab policies terms provider openai --region us --class public --class internal --term no-training
      trimtab policies terms provider openai --remove
    """
    client: Client = more["client"]
    project: str = more["project"]
    if subject is not None and name is not None:
        if gone:
            client.access_policies.remove_terms(project, subject, name, expected_revision=expect)
        else:
            client.access_policies.set_terms(
                project,
                subject,
                name,
                region=region,
                data_classes=data_classes or None,
                terms=terms or None,
                expected_revision=expect,
            )
    found = client.access_policies.terms(project)
    if more["as_json"]:
        print_json(found)
        return
    rows = [
        (each.model, each.provider, each.region or None, "yes" if each.local else "no", each.data_classes, each.terms)
        for each in found.models
    ]
    print_table(
        ("MODEL", "PROVIDER", "REGION", "LOCAL", "CLASSES", "TERMS"),
        rows,
        empty="No models yet. Add one with: trimtab models add fast --provider openai --upstream gpt-4o-mini",
    )
