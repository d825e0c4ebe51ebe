"""`trimtab resilience`: how hard the gateway tries, and how the places it tries fare."""

import json
import sys
from pathlib import Path
from typing import Any, cast

import click

from trimtab.cli.base import api_command, expect_option, print_json, print_table, project_option, seen_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client

SUBJECT = click.Choice(["provider", "model"])


@click.group()
def command() -> None:
    """Retries, limits, breakers, hedges and queues of a project's providers and models."""


@command.command("list")
@project_option
@api_command
def list_policies(*, project: str, client: Client, as_json: bool) -> None:
    """List the policies that are not the default.

    \b
    Example:
      trimtab resilience list
    """
    found = client.resilience(project)
    if as_json:
        print_json(found)
        return
    rows = [(p.subject, p.name, p.source, json.dumps(_short(p.policy))) for p in found]
    print_table(("OF", "NAME", "FROM", "POLICY"), rows, empty="Every provider and model goes by the defaults.")


def _short(policy: dict[str, Any]) -> dict[str, Any]:
    """Without what is not set."""
    return {name: value for name, value in policy.items() if value is not None}


@command.command("set")
@click.argument("subject", type=SUBJECT)
@click.argument("name")
@click.argument("policy")
@expect_option
@project_option
@api_command
def set_policy(
    subject: str, name: str, policy: str, *, expect: int | None, project: str, client: Client, as_json: bool
) -> None:
    """Set the policy of a provider or a model. POLICY is JSON, @FILE with JSON, or - for standard input; what it leaves
    out is as by default (docs/resilience.md).

    \b
    Examples:
      trimtab resilience set provider openai '{"attempts": 4}'
      trimtab resilience set model fast '{"hedge": {"after": "p95"}, "deadline_s": 30}'
    """
    made = client.set_resilience(project, subject, name, _read(policy), expected_revision=expect)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Set the policy of {made.subject} {made.name}.")


def _read(text: str) -> dict[str, Any]:
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text()
        given: Any = json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidRequest(
            f"The policy cannot be read: {error}", fix="Write e.g. '{\"attempts\": 4}' or @policy.json."
        ) from None
    if not isinstance(given, dict):
        raise InvalidRequest("The policy is no JSON object.", fix="Write e.g. '{\"attempts\": 4}'.")
    return cast("dict[str, Any]", given)


@command.command()
@click.argument("subject", type=SUBJECT)
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(subject: str, name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Let a provider or a model go by the defaults again.

    \b
    Example:
      trimtab resilience remove provider openai
    """
    client.remove_resilience(project, subject, name, expected_revision=expect)
    if as_json:
        print_json({"removed": f"{subject}/{name}"})
    else:
        click.echo(f"Removed the policy of {subject} {name}.")


@command.command()
@project_option
@api_command
def targets(*, project: str, client: Client, as_json: bool) -> None:
    """Show how each model at its provider fares on the worker that answers: load, latency, breaker, keys set aside.

    \b
    Example:
      trimtab resilience targets
    """
    found = client.targets(project)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            t.provider,
            t.model,
            t.breaker if not t.opens_again_s else f"{t.breaker} for {t.opens_again_s:g} s",
            t.in_flight,
            t.waiting,
            t.answered,
            t.failed,
            t.latency_ms,
            " ".join(f"...{k.hint}: {k.why}" for k in t.keys if k.why),
        )
        for t in found
    ]
    columns = ("PROVIDER", "MODEL", "BREAKER", "UNDER WAY", "WAITING", "ANSWERED", "FAILED", "MS", "KEYS SET ASIDE")
    print_table(columns, rows, empty="This worker has called nothing yet.")


@command.command()
@click.argument("key_id")
@click.argument("highest", type=click.Choice(["high", "normal", "low"]))
@click.option(
    "--expect-priority",
    type=click.Choice(["high", "normal", "low"]),
    help="What it is to have been so far: refused where it is another.",
)
@project_option
@api_command
def priority(
    key_id: str, highest: str, *, expect_priority: str | None, project: str, client: Client, as_json: bool
) -> None:
    """Bound the priority that a key's calls may ask for with the header trimtab-priority.

    \b
    Example:
      trimtab resilience priority key_0198 low
    """
    client.set_key_priority(project, key_id, highest, expected_highest=expect_priority)
    if as_json:
        print_json({"key": key_id, "highest": highest})
    else:
        click.echo(f"Calls of {key_id} have at most the priority {highest}.")
