"""The process's own client: of `TRIMTAB_URL` and its key, made by the first use."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from trimtab.sdk.client import Client
from trimtab.sdk.said import Said

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


def feedback(answer: Any = None, *, project: str | None = None, **said: Unpack[Said]) -> list[str]:
    """`Client.feedback` of that client: ``feedback(completion, thumbs="up")``."""
    return _client().feedback(answer, project=project, **said)
