"""Anthropic's batches of messages on real servers, by its own client: booked once whoever is killed meanwhile, and the
money that limits held given back."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
from live import ADMIN, Live, live, simulated
from replicas_killed import SECRET_KEY, booked_once, killed_in_turn

from patience import PATIENCE_S

pytestmark = [pytest.mark.postgres, pytest.mark.promise]
CONFIG = """
providers:
  sim: {{kind: anthropic, base_url: "{url}/v1", api_key: "k"}}
models:
  small: {{provider: sim, model: "claude-haiku-4-5", price: {{input: 1, output: 2}}}}
limits:
  budget: {{measure: money, bound: 50, window: month}}
"""
BATCHES = 6


def client(server: Live) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url, api_key=ADMIN, timeout=PATIENCE_S, max_retries=0)


def make(server: Live, number: int) -> str:
    """A batch of three requests. Every third is read at once by its maker, who may be cut off."""
    asked: Any = [
        {
            "custom_id": f"{number}-{at}",
            "params": {"model": "small", "max_tokens": 1000, "messages": [{"role": "user", "content": f"a {at}"}]},
        }
        for at in range(3)
    ]
    with client(server) as caller:
        headers = {"trimtab-feature": f"batch-{number % 2}"}
        batch = caller.messages.batches.create(requests=asked, extra_headers=headers)
        if number % 3 == 0:
            assert caller.messages.batches.retrieve(batch.id).processing_status == "ended"
            assert len(list(caller.messages.batches.results(batch.id))) == 3
    return batch.id


def test_batches_of_messages_of_two_replicas_are_booked_once_though_each_is_killed(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    env = {"TRIMTAB_DATABASE_URL": postgres(), "TRIMTAB_SECRET_KEY": SECRET_KEY}
    folders = [tmp_path / "one", tmp_path / "two"]
    for each in folders:
        each.mkdir()
    with simulated() as url:
        config = CONFIG.format(url=url)
        with live(folders[0], config, env=env) as one, live(folders[1], config, env=env) as two:
            names = killed_in_turn(one, two, make, batches=BATCHES, unsettled=BATCHES // 3)
            booked_once(one, two, names)
            with client(two) as caller:
                assert [each.id for each in caller.messages.batches.list(limit=5)] == names[::-1]
                with contextlib.suppress(anthropic.NotFoundError):
                    caller.messages.batches.delete(names[0])
                assert names[0] not in {each.id for each in caller.messages.batches.list()}
