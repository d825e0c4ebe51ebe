"""`trimtab batches`: how far batches are, what they came to, and what limits hold for them."""

import click

from trimtab.cli.base import api_command, local_time, money, print_json, print_table, project_option
from trimtab.sdk.client import Client
from trimtab.sdk.cost_types import Batch

STATES = ("making", "open", "completed", "failed", "expired", "cancelled", "lost")


@click.group()
def command() -> None:
    """Batches that were made through this server: looked after until they are over, and booked once."""


@command.command("list")
@click.option("--state", type=click.Choice(STATES), help="Those in that state alone.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@project_option
@api_command
def list_batches(state: str | None, limit: int, *, project: str, client: Client, as_json: bool) -> None:
    """List batches, newest first.

    \b
    Examples:
      trimtab batches list
      trimtab batches list --state open
    """
    found = list(client.costs.batches(project, state=state or "", limit=limit))
    if as_json:
        print_json(found)
        return
    print_table(
        ("BATCH", "PROVIDER", "MADE", "STATE", "TOKENS", "COST", "BY", "HELD", "WHY"),
        [
            (
                each.id or "-",
                each.provider,
                local_time(each.made),
                _state(each),
                each.tokens,
                money(each.cost),
                each.settlement or None,
                ", ".join(f"{held.limit} {held.amount}" for held in each.held) or None,
                each.why[:80] or None,
            )
            for each in found
        ],
        empty="No batches were made through this server.",
    )


def _state(batch: Batch) -> str:
    """What the provider says of one that it still works on."""
    return batch.status or batch.state if batch.state == "open" else batch.state
