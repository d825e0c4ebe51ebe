"""A release's prompt rendered without holding up other calls."""

import asyncio
import threading
from typing import Any

import pytest
from placing import prompt as bundle_of
from placing import running_loop

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.gateway.apps.prompt import SMALL, Prompt
from trimtab.gateway.apps.rendering import Renderers
from trimtab.prompts.types import PromptError

LOOP = "{% for i in range(n) %}{{ i }},{% endfor %}"


def made(
    *messages: tuple[str, str], fixed: dict[str, Any] | None = None, policy: Any = None, **variables: Any
) -> Prompt:
    return Prompt(bundle_of(*messages, **variables), fixed or {}, policy or {})


def few() -> Renderers:
    return Renderers(2)


def test_a_prompt_whose_values_are_always_the_same_is_rendered_once() -> None:
    prompt = made(("system", "Be {{ tone }}."), tone={}, fixed={"tone": "kind"})
    said = prompt.at_once({}, 0)
    assert said is not None
    assert said.before == ({"role": "system", "content": "Be kind."},)
    assert prompt.at_once({}, 0) is said


def test_the_releases_business_rules_are_what_the_template_reads() -> None:
    said = made(("system", "Up to {{ policy.limit }}."), policy={"limit": 50}).at_once({}, 0)
    assert said is not None
    assert said.before[0]["content"] == "Up to 50."


@running_loop
async def test_what_takes_long_is_rendered_in_a_thread_and_goes_there_at_once_the_next_time() -> None:
    prompt: Any = made(("user", LOOP), n={"type": "integer"})
    threads: list[str] = []
    render = prompt._render

    def noted(*args: Any) -> Any:
        threads.append(threading.current_thread().name)
        return render(*args)

    prompt._render = noted
    assert prompt.at_once({"n": 10}, 10) is not None
    assert prompt.at_once({"n": 20_000}, 10) is None
    said = await prompt.aside({"n": 20_000}, few())
    assert said.before[0]["content"].endswith("19999,")
    assert prompt.at_once({"n": 10}, 10) is None
    assert len(threads) == 3
    assert threads[:2] == [threading.main_thread().name] * 2
    assert threads[2] != threading.main_thread().name
    prompt._heavy = False  # as after a quick one
    assert prompt.at_once({"n": 10}, 10) is not None


@running_loop
async def test_what_is_made_lazily_is_compiled_in_a_thread_with_the_first_call() -> None:
    bundle = bundle_of(("system", "Help {{ who }}."), who={})
    lazy: Any = Prompt(bundle, {}, {}, lazily="The release support r1")
    assert lazy._made is None
    assert lazy.at_once({"who": "Ada"}, 10) is None, "not on the event loop"
    said = await lazy.aside({"who": "Ada"}, few())
    assert said.before[0]["content"] == "Help Ada."
    assert lazy._made is not None
    broken = bundle_of(("system", "{% if %}"))
    with pytest.raises(PromptError):
        Prompt(broken, {}, {})
    with pytest.raises(Unavailable) as refused:
        await Prompt(broken, {}, {}, lazily="The release support r1").aside({}, few())
    assert refused.value.code == "release_broken"


@running_loop
async def test_many_variables_go_to_a_thread_unseen() -> None:
    prompt = made(("user", "{{ text }}"), text={})
    assert prompt.at_once({"text": "x" * SMALL}, SMALL + 1) is None
    said = await prompt.aside({"text": "x" * SMALL}, few())
    assert len(said.before[0]["content"]) == SMALL


@running_loop
async def test_the_bounds_of_the_sandbox_hold() -> None:
    prompt = made(("user", "{% for i in range(9) %}" + LOOP * 3 + "{% endfor %}"), n={"type": "integer"})
    assert prompt.at_once({"n": 49_000}, 10) is None
    with pytest.raises(PromptError) as refused:
        await prompt.aside({"n": 49_000}, few())
    assert refused.value.code in ("prompt_too_much_work", "prompt_too_slow", "prompt_too_large")


@running_loop
async def test_a_caller_who_leaves_makes_no_room_before_the_thread_is_done() -> None:
    prompt: Any = made(("user", LOOP), n={"type": "integer"})
    going, go = threading.Event(), threading.Event()

    def slow(_given: Any) -> Any:
        going.set()
        go.wait(60)
        raise PromptError("It takes too long.")

    prompt._measured = slow
    one = Renderers(1)
    try:
        leaving = asyncio.create_task(prompt.aside({"n": 1}, one))
        assert await asyncio.to_thread(going.wait, 60)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        waiting = asyncio.create_task(one.enter("next"))
        await asyncio.sleep(0)
        assert not waiting.done(), "a thread cannot be stopped: it has its place until it ends"
    finally:
        go.set()
    async with asyncio.timeout(PATIENCE_S):
        await waiting


def test_a_place_for_messages_is_found_among_messages_that_were_given() -> None:
    parts = (("system", "a"), ("messages", "first"), ("user", "b"), ("messages", "second"), ("user", "c"))
    prompt = made(*parts, first={"type": "messages"}, second={"type": "messages"})
    one = {"role": "user", "content": "1"}
    said = prompt.at_once({"first": [one, one]}, 10)
    assert said is not None
    assert [m["content"] for m in said.before] == ["a", "1", "1", "b"]
    assert [m["content"] for m in said.after] == ["c"]
    whole = prompt.at_once({"first": [one], "second": [one]}, 10)
    assert whole is not None
    assert ([m["content"] for m in whole.before], whole.after) == (["a", "1", "b", "1", "c"], ())


def test_a_mistake_of_the_caller_is_told_and_not_tried_again_in_a_thread() -> None:
    with pytest.raises(PromptError, match="not given"):
        made(("user", "{{ who }}"), who={}).at_once({}, 0)
