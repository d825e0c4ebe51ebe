"""`trimtab cache`: stored answers, and the policies that keep them."""

import json
from pathlib import Path
from typing import Any, cast

import click

from trimtab.cli.base import FAILED, api_command, expect_option, print_json, print_table, project_option, seen_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client


@click.group()
def command() -> None:
    """Answers that are kept and given again: what they save, and what is kept."""


@command.command()
@click.option("--days", type=click.IntRange(1, 400), default=30, show_default=True, help="How many days back.")
@project_option
@api_command
def stats(days: int, *, project: str, client: Client, as_json: bool) -> None:
    """Show what the cache holds and has saved, by called name.

    \b
    Example:
      trimtab cache stats --days 7
    """
    found = client.cache(project, days)
    if as_json:
        print_json(found)
        return
    rows = [
        (n.name or "(all)", n.answers, _size(n.bytes), n.exact, n.semantic, n.misses, n.bypassed, _share(n.hit_rate),
         n.tokens, f"${n.saved}")
        for n in [*found.items, found.total]
        if found.items
    ]  # fmt: skip
    print_table(
        ("NAME", "ANSWERS", "STORED", "EXACT", "SEMANTIC", "MISSES", "BYPASSED", "HIT RATE", "TOKENS SAVED", "SAVED"),
        rows,
        empty='Nothing is cached yet. Switch it on for a model with: trimtab cache set fast \'{"mode": "exact"}\'',
    )
    if found.embedder:
        click.echo(f"Nothing can be found by meaning: {found.embedder}", err=True)


@command.command()
@click.option("--name", default=None, help="Only the answers of this model or route.")
@project_option
@api_command
def purge(name: str | None, *, project: str, client: Client, as_json: bool) -> None:
    """Drop the stored answers of a project, or of one model or route. Answers to idempotency keys stay.

    \b
    Example:
      trimtab cache purge --name fast
    """
    found = client.purge_cache(project, name)
    if as_json:
        print_json(found)
    else:
        click.echo(f"Dropped {found.purged} stored answers.")


@command.command()
@click.argument("pairs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--budget", type=float, default=0.02, show_default=True, help="The share of hits that may be wrong.")
@project_option
@click.pass_context
@api_command
def tune(ctx: click.Context, pairs: Path, budget: float, *, project: str, client: Client, as_json: bool) -> None:
    """Choose the threshold of a semantic cache from labelled pairs. PAIRS is a file of JSON lines, each with a question
    ("asked"), one that was asked before ("stored"), and whether the answer to it will do ("same": true or false). Exit
    code 1: not enough data for the budget.

    \b
    Example:
      trimtab cache tune pairs.jsonl --budget 0.02
    """
    found = client.tune_cache(project, _read_pairs(pairs), budget)
    if as_json:
        print_json(found)
    else:
        rows = [
            (p.threshold, _share(p.hit_rate), p.hits, p.wrong, _share(p.wrong_rate), _interval(p.low, p.high))
            for p in found.points
        ]
        print_table(("THRESHOLD", "HIT RATE", "HITS", "WRONG", "WRONG RATE", "95 % INTERVAL"), rows, empty="")
        click.echo(found.say)
    if found.threshold is None:
        ctx.exit(FAILED)


@command.command()
@project_option
@api_command
def policies(*, project: str, client: Client, as_json: bool) -> None:
    """List the cache and context policies of models and routes.

    \b
    Example:
      trimtab cache policies
    """
    found = client.policies(project)
    if as_json:
        print_json(found)
        return
    rows = [
        (p.name, p.source, "yes" if p.in_force else "no such name", _short(p.cache), _short(p.context)) for p in found
    ]
    print_table(
        ("NAME", "FROM", "IN FORCE", "CACHE", "CONTEXT"),
        rows,
        empty='No name has a policy. Set one with: trimtab cache set fast \'{"mode": "exact"}\'',
    )


@command.command("set")
@click.argument("name")
@click.argument("cache", required=False)
@click.option("--context", default=None, help="A context policy as JSON.")
@expect_option
@project_option
@api_command
def set_policy(
    name: str,
    cache: str | None,
    *,
    context: str | None,
    expect: int | None,
    project: str,
    client: Client,
    as_json: bool,
) -> None:
    """Set the policy of a model or a route, whole: CACHE is a cache policy as JSON (docs/cache.md).

    \b
    Examples:
      trimtab cache set fast '{"mode": "exact", "ttl_s": 86400}'
      trimtab cache set support --context '{"max_tokens": 8000}'
    """
    made = client.set_policy(project, name, cache=_read(cache), context=_read(context), expected_revision=expect)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Set the policy of {made.name}{'' if made.in_force else '; nothing has that name yet'}.")


@command.command()
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove the policy of a model or a route: nothing is kept or shortened for it any more.

    \b
    Example:
      trimtab cache remove fast
    """
    client.delete_policy(project, name, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed the policy of {name}.")


def _read(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        given: Any = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(
            f"The policy cannot be read: {error}", fix='Write JSON, e.g. \'{"mode": "exact"}\'.'
        ) from None
    if not isinstance(given, dict):
        raise InvalidRequest("The policy is no JSON object.", fix='Write e.g. \'{"mode": "exact"}\'.')
    return cast("dict[str, Any]", given)


def _read_pairs(path: Path) -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            given: Any = json.loads(line)
            pairs.append({"asked": given["asked"], "stored": given["stored"], "same": given["same"]})
        except (ValueError, KeyError, TypeError):
            raise InvalidRequest(
                f"Line {number} of {path} is no labelled pair.",
                fix='Write e.g. {"asked": "How do I pay?", "stored": "How can I pay?", "same": true}',
            ) from None
    return pairs


def _short(policy: dict[str, Any] | None) -> str | None:
    return None if policy is None else json.dumps({k: v for k, v in policy.items() if v is not None})


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _interval(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:.1%} to {high:.1%}"


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MB" if count >= 1 << 20 else f"{count / 1024:.1f} kB"
