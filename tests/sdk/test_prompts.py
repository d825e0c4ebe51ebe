"""A prompt is at hand whatever the server does: cached, refreshed in the background, from disk, from a file."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.core.errors import Forbidden, NotFound, Unavailable
from trimtab.prompts.canonical import content_hash, normal
from trimtab.prompts.types import Bundle, Content, Message, PromptError, Source, Variable
from trimtab.sdk.connection import Connection, Unreachable
from trimtab.sdk.prompts import PATIENCE_S, PromptCache

URL = "http://127.0.0.1:9"


class Server(Connection):
    """One that answers with a version, or fails as it is told."""

    def __init__(self, version: int = 1, failure: Exception | None = None) -> None:
        super().__init__(URL, None)
        self.version = version
        self.failure = failure
        self.asked: list[str] = []

    def ask(self, method: str, where: str, shape: type, **_: object) -> Bundle:  # type: ignore[override]  # pyright: ignore
        self.asked.append(where)
        if self.failure is not None:
            raise self.failure
        content = normal(
            Content(messages=(Message(text=f"v{self.version} {{{{ who }}}}"),), variables={"who": Variable()})
        )
        return Bundle(prompt=Source(name="support", version=self.version, hash=content_hash(content), content=content))


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def cache(
    server: Server, folder: Path | None, clock: Time, later: list[Callable[[], None]], shipped: Path | None = None
) -> PromptCache:
    return PromptCache(server, "default", folder=folder, clock=clock, run=later.append, shipped=shipped)


AWAY = Unreachable("nobody there")


def test_it_is_fetched_once_and_refreshed_in_the_background(tmp_path: Path) -> None:
    server, clock, later = Server(), Time(), list[Callable[[], None]]()
    prompts = cache(server, tmp_path, clock, later)
    assert prompts.get("support").render(who="Ada").messages == [{"role": "user", "content": "v1 Ada"}]
    assert prompts.get("support").version == 1
    server.version = 2
    clock.now += 61
    assert prompts.get("support").version == 1, "the one at hand is used meanwhile"
    assert prompts.get("support").version == 1
    assert len(later) == 1, "one refresh at a time"
    later.pop()()
    assert prompts.get("support").version == 2
    assert len(server.asked) == 2
    assert prompts.get("support", "production").version == 2
    assert server.asked[-1].endswith("/projects/default/prompts/support/bundles/production")


def test_a_failed_refresh_leaves_the_one_at_hand_and_is_tried_again_later(tmp_path: Path) -> None:
    server, clock, later = Server(), Time(), list[Callable[[], None]]()
    prompts = cache(server, tmp_path, clock, later)
    prompts.get("support")
    server.failure = AWAY
    clock.now += 61
    prompts.get("support")
    later.pop()()
    assert prompts.get("support").version == 1
    assert later == [], "it is left alone for a while"
    clock.now += PATIENCE_S
    prompts.get("support")
    server.failure, server.version = None, 3
    later.pop()()
    assert prompts.get("support").version == 3


@pytest.mark.parametrize("failure", [AWAY, Unavailable("draining")])
def test_without_the_server_the_last_one_known_comes_from_disk_and_later_from_the_server(
    tmp_path: Path, failure: Exception
) -> None:
    clock, later = Time(), list[Callable[[], None]]()
    cache(Server(7), tmp_path, clock, later).get("support")
    server = Server(8, failure)
    prompts = cache(server, tmp_path, clock, later)
    found = prompts.get("support")
    assert (found.version, found.origin) == (7, "disk")
    assert found.render(who="Ada").messages[0]["content"] == "v7 Ada"
    server.failure = None
    clock.now += PATIENCE_S
    prompts.get("support")
    later.pop()()
    assert (prompts.get("support").version, prompts.get("support").origin) == (8, "server")
    with pytest.raises(Unreachable):
        PromptCache(Server(8, AWAY), "another", folder=tmp_path).get("support")


def test_a_file_that_the_application_ships_is_the_last_resort(tmp_path: Path) -> None:
    shipped = tmp_path / "prompts"
    shipped.mkdir()
    (shipped / "support.prompt.md").write_text('---\nvariables: {who: string}\n---\nHi {{ who }}. {% include "tone" %}')
    (shipped / "tone.prompt.md").write_text("Be kind.")
    clock, later = Time(), list[Callable[[], None]]()
    found = cache(Server(1, AWAY), None, clock, later, shipped=shipped).get("support", "production")
    assert (found.origin, found.version) == ("file", 0)
    assert found.render(who="Ada").messages[0]["content"] == "Hi Ada. Be kind."
    (shipped / "tone.prompt.md").unlink()
    with pytest.raises(PromptError, match=r"tone\.prompt\.md"):
        cache(Server(1, AWAY), None, clock, later, shipped=shipped).get("support")


@pytest.mark.parametrize("failure", [NotFound("no such prompt"), Forbidden("not with this key")])
def test_what_the_server_refuses_is_not_answered_from_disk(tmp_path: Path, failure: Exception) -> None:
    clock, later = Time(), list[Callable[[], None]]()
    cache(Server(), tmp_path, clock, later).get("support")
    with pytest.raises(type(failure)):
        cache(Server(1, failure), tmp_path, clock, later).get("support")


def test_a_broken_or_unwritable_disk_costs_the_fallback_and_not_the_prompt(tmp_path: Path) -> None:
    clock, later = Time(), list[Callable[[], None]]()
    cache(Server(), tmp_path, clock, later).get("support")
    (kept,) = tmp_path.glob("*.json")
    kept.write_text("{")
    with pytest.raises(Unreachable):
        cache(Server(1, AWAY), tmp_path, clock, later).get("support")
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert cache(Server(2), blocked, clock, later).get("support").version == 2


def test_trimtab_itself_offers_prompt_and_imports_neither_jinja_nor_yaml_for_it() -> None:
    code = "import sys, trimtab, trimtab.sdk as s; assert trimtab.prompt is s.prompt; "
    code += "print([m for m in ('jinja2', 'yaml', 'httpx') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
