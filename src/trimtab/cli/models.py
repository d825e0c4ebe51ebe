"""`trimtab models`: the names that clients may call."""

from typing import TypedDict, Unpack

import click

from trimtab.cli.base import (
    FAILED,
    api_command,
    expect_option,
    money,
    print_json,
    print_table,
    project_option,
    seen_option,
)
from trimtab.cli.conformance.report import print_card
from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.sdk.client import Client
from trimtab.sdk.types import Card


class Given(TypedDict):
    """What may be said anew of a model, beside where it is."""

    fallback: tuple[str, ...]
    no_fallback: bool
    price: tuple[float, float] | None
    book_price: bool


@click.group()
def command() -> None:
    """Declare, list, change, test and remove the models of a project."""


@command.command("list")
@project_option
@api_command
def list_models(*, project: str, client: Client, as_json: bool) -> None:
    """List the models that clients of a project may call. Prices are US dollars per million tokens.

    \b
    Example:
      trimtab models list
    """
    models = client.models(project)
    if as_json:
        print_json(models)
        return
    rows = [
        (m.name, m.provider, m.upstream, m.fallback, *_price(m.price.known, m.price.input, m.price.output), m.health)
        for m in models
    ]
    print_table(
        ("NAME", "PROVIDER", "UPSTREAM", "FALLBACK", "INPUT", "OUTPUT", "HEALTH"),
        rows,
        empty="No models yet. Add one with: trimtab models add fast --provider openai --upstream gpt-4o-mini",
    )


def _price(known: bool, input_price: str | None, output_price: str | None) -> tuple[str | None, str | None]:
    return (money(input_price), money(output_price)) if known else ("unknown", "unknown")


@command.command()
@click.argument("name")
@project_option
@api_command
def show(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show a model and its capability card: what `trimtab conformance` found it to do, and when.

    \b
    Example:
      trimtab models show fast
    """
    model = next((m for m in client.models(project) if m.name == name), None)
    if model is None:
        raise NotFound(f"There is no model {name!r} in the project {project!r}.", fix="See `trimtab models list`.")
    card = _card(client, project, name)
    if as_json:
        print_json({"model": model, "card": card})
        return
    input_price, output_price = _price(model.price.known, model.price.input, model.price.output)
    click.echo(f"{model.name} -> {model.upstream} of {model.provider}; {model.health}")
    click.echo(f"price of a million tokens: {input_price} input, {output_price} output")
    if model.fallback:
        click.echo(f"falls back to: {', '.join(model.fallback)}")
    if card is None:
        click.echo(f"never tried; make its capability card with: trimtab conformance --model {name} --save")
    else:
        print_card(card)


def _card(client: Client, project: str, name: str) -> Card | None:
    try:
        return client.card(project, name)
    except NotFound as error:
        if error.code != "no_card":
            raise
        return None


@command.command()
@click.argument("name")
@click.option("--provider", required=True, help="A provider of this project.")
@click.option("--upstream", default=None, help="The provider's own id for the model. [default: NAME]")
@click.option("--fallback", multiple=True, help="A model to try when this one fails; repeat for more, in order.")
@click.option(
    "--price",
    nargs=2,
    type=float,
    default=None,
    metavar="INPUT OUTPUT",
    help="US dollars per million tokens. [default: the price book's]",
)
@project_option
@api_command
def add(
    name: str,
    *,
    provider: str,
    upstream: str | None,
    fallback: tuple[str, ...],
    price: tuple[float, float] | None,
    project: str,
    client: Client,
    as_json: bool,
) -> None:
    """Declare a model that clients may call by NAME.

    \b
    Examples:
      trimtab models add fast --provider openai --upstream gpt-4o-mini --fallback slow
      trimtab models add lab --provider lab --price 0.10 0.40
    """
    rates = None if price is None else {"input": price[0], "output": price[1]}
    made = client.create_model(
        project, name, provider=provider, upstream=upstream, fallback=list(fallback), price=rates
    )
    if as_json:
        print_json(made)
    else:
        click.echo(f"Added model {made.name} -> {made.upstream} of {made.provider}.")
        if not made.price.known:
            click.echo(
                "Its price is not known, so what its calls cost is not either. Set one, in dollars per million tokens: "
                f"trimtab models change {made.name} --price INPUT OUTPUT"
            )


@command.command()
@click.argument("name")
@click.option("--provider", default=None, help="Another provider of this project.")
@click.option("--upstream", default=None, help="The provider's own id for the model.")
@click.option(
    "--fallback",
    multiple=True,
    help="A model to try when this one fails; repeat for more. They replace all there were.",
)
@click.option("--no-fallback", is_flag=True, help="Try no other model.")
@click.option(
    "--price",
    nargs=2,
    type=float,
    default=None,
    metavar="INPUT OUTPUT",
    help="US dollars per million tokens.",
)
@click.option("--book-price", is_flag=True, help="Take the price of the price book again.")
@expect_option
@project_option
@api_command
def change(
    name: str,
    *,
    provider: str | None,
    upstream: str | None,
    expect: int | None,
    project: str,
    client: Client,
    as_json: bool,
    **given: Unpack[Given],
) -> None:
    """Change what stands behind a model's name; what is not given stays. Streams under way end as they began.

    \b
    Examples:
      trimtab models change fast --upstream gpt-4.1-mini
      trimtab models change fast --provider lab --fallback slow
    """
    changes: dict[str, object] = {}
    if provider is not None:
        changes["provider"] = provider
    if upstream is not None:
        changes["upstream"] = upstream
    if given["fallback"] or given["no_fallback"]:
        changes["fallback"] = list(given["fallback"])
    if given["price"] is not None:
        changes["price"] = {"input": given["price"][0], "output": given["price"][1]}
    elif given["book_price"]:
        changes["price"] = None
    if not changes:
        raise InvalidRequest("Nothing is to be changed.", fix="Give e.g. --upstream.", param="change")
    if expect is not None:
        changes["expected_revision"] = expect
    changed = client.change_model(project, name, **changes)
    if as_json:
        print_json(changed)
    else:
        click.echo(f"Changed model {changed.name} -> {changed.upstream} of {changed.provider}.")


@command.command()
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove a model: clients can no longer call it. Its traces stay.

    \b
    Example:
      trimtab models remove fast
    """
    client.delete_model(project, name, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed model {name}.")


@command.command()
@click.argument("name")
@project_option
@click.pass_context
@api_command
def test(ctx: click.Context, name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Make one real, tiny call through the live path. It costs what such a call costs.

    Ends with 1 where the model did not answer itself, also where another one did that it falls back to.

    \b
    Example:
      trimtab models test fast
    """
    result = client.test_model(project, name)
    if as_json:
        print_json(result)
    elif result.ok:
        click.echo(f"{name}: {result.model_used} answered in {result.latency:.0f} ms: {result.text!r}")
        click.echo(f"Trace: {result.trace_id}")
    else:
        click.echo(f"{name}: {result.error_code}: {result.error}", err=True)
    if not result.ok:
        ctx.exit(FAILED)
