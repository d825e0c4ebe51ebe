"""`trimtab forwards`: where closed traces are sent, how that fares, and what could not be delivered."""

from typing import Any

import click

from trimtab.cli.base import (
    api_command,
    expect_option,
    local_time,
    print_json,
    print_table,
    project_option,
    seen_option,
)
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.forwards import Forward

_name = click.argument("name")


@click.group()
def command() -> None:
    """Send closed traces elsewhere: to an OTLP collector, a webhook or a Kafka topic."""


@command.command("list")
@project_option
@api_command
def list_(*, project: str, client: Client, as_json: bool) -> None:
    """List destinations and how they fare.

    \b
    Example:
      trimtab forwards list
    """
    found = client.forwards.list(project)
    if as_json:
        print_json(found)
        return
    rows = [
        (to.name, to.kind, to.standing, to.delivered, to.retrying, to.failed_now, _lag(to.lag), to.problem[:80] or None)
        for to in found
    ]
    print_table(
        ("NAME", "KIND", "STANDING", "DELIVERED", "RETRYING", "FAILED", "LAG", "PROBLEM"),
        rows,
        empty="None yet; add one with: trimtab forwards add NAME --kind otlp --to https://HOST/v1/traces",
    )


@command.command()
@_name
@project_option
@api_command
def show(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show one destination.

    \b
    Example:
      trimtab forwards show langfuse
    """
    _print(client.forwards.get(project, name), as_json=as_json)


_fields = (
    click.option("--content", type=click.Choice(("off", "previews", "full")), help="What of the messages goes along."),
    click.option("--filter", "filter_", help="Only traces that this search finds, e.g. status:error."),
    click.option("--sample", type=click.FloatRange(0, 1), help="The share of traces, by trace id."),
    click.option("--quiet", type=click.FloatRange(1, 3600), help="Seconds without news until a trace is closed."),
    click.option("--root-wait", type=click.FloatRange(1, 86_400), help="Seconds that a trace waits for its root."),
    click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header to send; repeatable."),
    click.option("--secret", envvar="TRIMTAB_FORWARD_SECRET", help="Signs a webhook. [env: TRIMTAB_FORWARD_SECRET]"),
    click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="A Kafka property; repeatable."),
)


def _with_fields(function: Any) -> Any:
    for option in reversed(_fields):
        function = option(function)
    return function


def _body(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, by the API's names."""
    names = {"filter_": "filter", "quiet": "quiet_s", "root_wait": "root_wait_s"}
    body = {names.get(key, key): value for key, value in given.items() if value not in (None, ())}
    for key in ("headers", "options"):
        if key in body:
            body[key] = dict(_pair(each) for each in body[key])
    return body


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise InvalidRequest(f"{text[:40]!r} is no pair.", fix="Write NAME=VALUE.")
    return name, value


@command.command()
@_name
@click.option("--kind", type=click.Choice(("otlp", "webhook", "kafka")), required=True, help="What is there.")
@click.option("--to", "to_url", required=True, help="Where it is; kafka://host:port/topic for Kafka.")
@_with_fields
@project_option
@api_command
def add(name: str, *, project: str, client: Client, as_json: bool, kind: str, to_url: str, **given: Any) -> None:
    """Send closed traces somewhere from now on.

    \b
    Example:
      trimtab forwards add jaeger --kind otlp --to http://10.0.0.5:4318/v1/traces
    """
    made = client.forwards.create(project, {"name": name, "kind": kind, "url": to_url, **_body(given)})
    _print(made, as_json=as_json)


@command.command()
@_name
@click.option("--to", "to_url", help="Where it is.")
@_with_fields
@expect_option
@project_option
@api_command
def change(
    name: str,
    *,
    expect: int | None,
    project: str,
    client: Client,
    as_json: bool,
    to_url: str | None,
    **given: Any,
) -> None:
    """Change a destination; what is left out stays.

    \b
    Example:
      trimtab forwards change jaeger --sample 0.1
    """
    changes = {**_body({"url": to_url, **given}), "expected_revision": expect}
    _print(client.forwards.change(project, name, changes), as_json=as_json)


@command.command()
@_name
@project_option
@api_command
def pause(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Stop sending; what arrives meanwhile is sent after `trimtab forwards resume`.

    \b
    Example:
      trimtab forwards pause jaeger
    """
    _print(client.forwards.change(project, name, {"enabled": False}), as_json=as_json)


@command.command()
@_name
@project_option
@api_command
def resume(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Go on where it was paused, or try again at once what is failing.

    \b
    Example:
      trimtab forwards resume jaeger
    """
    _print(client.forwards.change(project, name, {"enabled": True}), as_json=as_json)


@command.command()
@_name
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Send there no more, and forget what could not be delivered.

    \b
    Example:
      trimtab forwards remove jaeger
    """
    client.forwards.remove(project, name, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed {name}.")


@command.command()
@_name
@project_option
@api_command
def test(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Send something without a trace there now, and tell what came of it.

    \b
    Example:
      trimtab forwards test jaeger
    """
    found = client.forwards.test(project, name)
    if as_json:
        print_json(found)
    else:
        click.echo(
            f"{found.verdict}{f' ({found.status})' if found.status else ''}{f': {found.problem}' * bool(found.problem)}"
        )
    if found.verdict != "delivered":
        raise click.exceptions.Exit(1)


@command.command()
@_name
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True, help="How many.")
@project_option
@api_command
def events(name: str, limit: int, *, project: str, client: Client, as_json: bool) -> None:
    """List closed traces that were not delivered.

    \b
    Example:
      trimtab forwards events jaeger
    """
    found = client.forwards.events(project, name, limit)
    if as_json:
        print_json(found)
        return
    rows = [(e.id, e.state, e.trace_id, e.tries, local_time(e.last_tried), e.problem[:80]) for e in found]
    print_table(
        ("EVENT", "STATE", "TRACE", "TRIES", "LAST TRIED", "PROBLEM"), rows, empty="Nothing waits and nothing failed."
    )


@command.command()
@_name
@click.argument("event", required=False)
@click.option("--all", "every", is_flag=True, help="All that have failed.")
@project_option
@api_command
def replay(name: str, event: str | None, *, every: bool, project: str, client: Client, as_json: bool) -> None:
    """Try again what has failed: one event, or --all.

    \b
    Example:
      trimtab forwards replay jaeger --all
    """
    if (event is None) != every:
        raise InvalidRequest("Which events?", fix="Name one event, or write --all.")
    count = client.forwards.replay(project, name, event)
    if as_json:
        print_json({"events": count})
    else:
        click.echo(f"{count} to be tried again.")


@command.command()
@_name
@click.argument("event")
@project_option
@api_command
def drop(name: str, event: str, *, project: str, client: Client, as_json: bool) -> None:
    """Give up one trace that was not delivered.

    \b
    Example:
      trimtab forwards drop jaeger evt_0199
    """
    client.forwards.drop(project, name, event)
    if as_json:
        print_json({"dropped": event})
    else:
        click.echo(f"Dropped {event}.")


def _lag(milliseconds: int) -> str | None:
    return f"{milliseconds / 1000:.0f} s" if milliseconds else None


def _print(to: Forward, *, as_json: bool) -> None:
    if as_json:
        print_json(to)
        return
    shown = {
        "url": to.url,
        "kind": to.kind,
        "from": to.source,
        "standing": to.standing,
        "content": to.content,
        "filter": to.filter,
        "sample": to.sample,
        "closed after": f"{to.quiet_s:g} s ({to.root_wait_s:g} s without a root)",
        "headers": ", ".join(to.headers),
        "delivered": to.delivered,
        "passed over": to.passed_over,
        "retrying": to.retrying,
        "failed": to.failed_now,
        "lag": _lag(to.lag),
        "last delivered": local_time(to.last_delivered) if to.last_delivered else None,
        "problem": to.problem,
    }
    rows = [(name, value) for name, value in shown.items() if value not in ("", None)]
    print_table((to.name, ""), rows, empty="")
