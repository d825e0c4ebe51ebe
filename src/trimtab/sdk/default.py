"""The process's own client: of `TRIMTAB_URL` and its key, made by the first use."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.sdk.client import Client

if TYPE_CHECKING:
    from trimtab.sdk.prompts import Prompt


@cache
def _client() -> Client:
    return Client()


def prompt(
    name: str, ref: str = "latest", *, project: str | None = None, shipped: str | Path | None = None
) -> "Prompt":
    """`Client.prompt` of a client that the process keeps: ``prompt("support").render(customer="Ada")``."""
    return _client().prompt(name, ref, project=project, shipped=shipped)
