"""Policies on the path of a call: the class of its data, targets that are passed over, tools, the cache."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from harness import Running, provider, running
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from upstream import Upstream, answers, upstream

from trimtab.core.clock import SystemClock
from trimtab.gateway.call_policy import CachePolicy, CallPolicy
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.kept.answers import beside
from trimtab.gateway.policed import Governed, Stated, labels_of, offered, without
from trimtab.gateway.targets import Model
from trimtab.governance.data_classes import Classes, DataTerms
from trimtab.governance.policy_eval import Engine, PolicySet, engine_of
from trimtab.guard.refusals import Refusals
from trimtab.guard.spec import ready
from trimtab.guard.types import GuardSpec, Verdict

WHOLE: dict[str, Any] = {
    "id": "c1", "object": "chat.completion", "created": 1, "model": "up",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}  # fmt: skip
ASK: dict[str, Any] = {"model": "cloud", "messages": [{"role": "user", "content": "hello"}], "temperature": 0}
EU = """@id("eu") @reason("Personal data stays in the EU.") @fix("Declare a model in the EU.")
forbid(principal, action == Action::"call_model", resource)
when { context.data_class == "personal" } unless { resource.region like "eu-*" };"""
TOOLS = """@id("no-shell") @reason("Agents run nothing.")
forbid(principal, action == Action::"call_tool", resource == Tool::"shell");
@id("no-mail") @tools("drop")
forbid(principal, action == Action::"call_tool", resource) when { resource.name like "mail*" };"""
MODELS = [
    Model(name="cloud", provider="far", upstream="up-far", fallback=("near",)),
    Model(name="near", provider="eu", upstream="up-eu"),
    Model(name="far-only", provider="far", upstream="up-far"),
]
TERMS = {"far": DataTerms(region="us-east-1"), "eu": DataTerms(region="eu-west-1")}


def engine(*texts: str) -> Engine:
    return engine_of([PolicySet(name=f"set{n}", text=text) for n, text in enumerate(texts)])


@asynccontextmanager
async def governed(made: Engine | None, **more: Any) -> AsyncGenerator[tuple[Running, Upstream, Governed]]:
    stated = Stated(providers=TERMS, slug="default", key_names={"key_1": "mobile"}, **more.pop("stated", {}))
    rules = Governed(stated, made)
    async with upstream(answers(WHOLE)) as up:
        there = [provider("far", up.port), provider("eu", up.port)]
        async with running(there, MODELS, **more) as gateway:
            gateway.force[0] = replace(gateway.force[0], governed={"prj_1": rules})
            yield gateway, up, rules


def test_a_call_falls_to_the_next_target_that_a_policy_allows_and_its_record_says_why() -> None:
    async def main() -> None:
        async with governed(engine(EU)) as (g, up, _):
            response = await g.chat(ASK, trimtab_data_class="Personal")
            assert response.status_code == 200
            assert [body["model"] for _, body in up.requests] == ["up-eu"]
            record = await g.spool.one()
            assert record.data_class == "personal"
            passed, chosen = record.decision
            assert (passed.model, passed.verdict, chosen.model, chosen.verdict) == (
                "cloud",
                "skipped",
                "near",
                "chosen",
            )
            assert passed.policy == passed.reason
            assert "The policy 'eu' of 'set0' forbids it: Personal data stays in the EU." in passed.policy

    asyncio.run(main())


def test_a_call_without_an_allowed_target_is_refused_in_the_callers_dialect_and_recorded() -> None:
    async def main() -> None:
        async with governed(engine(EU)) as (g, up, _):
            response = await g.chat({**ASK, "model": "far-only"}, trimtab_data_class="personal")
            error = response.json()["error"]
            assert (response.status_code, error["code"]) == (403, "policy_forbidden")
            assert "'eu' of 'set0'" in error["message"]
            assert "Declare a model in the EU." in error["message"]
            headers = {"authorization": "Bearer tt_client", "trimtab-data-class": "personal"}
            body = {"model": "far-only", "max_tokens": 5, "messages": ASK["messages"]}
            other = await g.client.post("/v1/messages", json=body, headers=headers)
            assert (other.status_code, other.json()["error"]["type"]) == (403, "permission_error")
            assert up.requests == []
            first = g.spool.records[0]
            assert (first.outcome, first.status, first.fault and first.fault.code) == ("error", 403, "policy_forbidden")
            assert [line.policy != "" for line in first.decision] == [True]

    asyncio.run(main())


def test_a_class_is_the_highest_of_header_key_and_app_and_an_unknown_one_is_refused() -> None:
    async def main() -> None:
        classes = Classes(order=("open", "closed", "secret"), standard="open")
        async with governed(None, stated={"classes": classes, "keys": {"key_1": "closed"}}) as (g, _, _):
            for told, found in (("", "closed"), ("open", "closed"), ("secret", "secret")):
                assert (await g.chat(ASK, **({"trimtab_data_class": told} if told else {}))).status_code == 200
                assert g.spool.records[-1].data_class == found
            wrong = await g.chat(ASK, trimtab_data_class="personal")
            assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "unknown_data_class")
            assert "open, closed, secret" in wrong.json()["error"]["message"]

    asyncio.run(main())


def test_without_anything_stated_a_class_is_recorded_where_the_caller_declares_one() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("far", up.port)], MODELS[2:]) as g:
            assert (await g.chat({**ASK, "model": "far-only"})).status_code == 200
            assert (await g.chat({**ASK, "model": "far-only"}, trimtab_data_class="public")).status_code == 200
            assert [record.data_class for record in g.spool.records] == ["", "public"]

    asyncio.run(main())


def test_a_decision_is_made_once_for_all_calls_that_policies_cannot_tell_apart() -> None:
    async def main() -> None:
        made = engine(EU)
        async with governed(made) as (g, _, _):
            for number in range(4):
                assert (await g.chat(ASK, trimtab_user=f"u{number}", trimtab_tags=f"t{number}")).status_code == 200
            assert made.asked == 2  # cloud and near
            assert (await g.chat(ASK, trimtab_data_class="public")).status_code == 200
            assert made.asked == 4

    asyncio.run(main())


def test_forbidden_tools_are_refused_or_left_out_as_the_policy_says() -> None:
    async def main() -> None:
        async with governed(engine(TOOLS)) as (g, up, _):
            ok, mail, shell = ({"type": "function", "function": {"name": n}} for n in ("look", "mail_all", "shell"))
            refused = await g.chat({**ASK, "tools": [ok, shell]})
            assert refused.status_code == 403
            assert "the tool 'shell'" in refused.json()["error"]["message"]
            assert "Agents run nothing." in refused.json()["error"]["message"]
            dropped = await g.chat({**ASK, "tools": [ok, mail]})
            assert (dropped.status_code, dropped.headers["trimtab-tools-dropped"]) == (200, "1")
            assert up.requests[-1][1]["tools"] == [ok]
            alone = await g.chat({**ASK, "tools": [mail], "tool_choice": "auto"})
            assert alone.status_code == 200
            assert up.requests[-1][1].keys() & {"tools", "tool_choice"} == set()
            choice = {"type": "function", "function": {"name": "mail_all"}}
            demanded = await g.chat({**ASK, "tools": [ok, mail], "tool_choice": choice})
            assert (demanded.status_code, demanded.json()["error"]["code"]) == (403, "policy_forbidden")
            hidden = json.dumps({**ASK, "tools": [shell]}).replace("tools", "t\\u006fols")
            response = await g.client.post("/v1/chat/completions", content=hidden)
            assert response.status_code == 403

    asyncio.run(main())


def test_an_answer_that_is_kept_is_not_given_to_a_call_that_may_not_have_each_of_its_targets(tmp_path: Any) -> None:
    async def main() -> None:
        answers_kept = beside(tmp_path, max_bytes=1 << 20, clock=SystemClock())
        kept = {"policies": {"cloud": CallPolicy(cache=CachePolicy(mode="exact"))}, "answers": answers_kept}
        async with governed(engine(EU), **kept) as (g, up, _):
            assert (await g.chat(ASK)).headers["trimtab-cache"] == "miss"
            assert (await g.chat(ASK)).headers["trimtab-cache"].startswith("hit")
            personal = await g.chat(ASK, trimtab_data_class="personal")
            assert "trimtab-cache" not in personal.headers
            assert [body["model"] for _, body in up.requests] == ["up-far", "up-eu"]
        await answers_kept.close()

    asyncio.run(main())


def test_a_set_that_cannot_be_read_refuses_every_call() -> None:
    async def main() -> None:
        async with governed(engine("forbid(principal, action, resource) when { context.gone };")) as (g, up, _):
            response = await g.chat(ASK)
            assert (response.status_code, response.json()["error"]["code"]) == (403, "policy_error")
            assert up.requests == []

    asyncio.run(main())


def shaped(shape: str, names: list[str]) -> dict[str, Any]:
    """Tools as a dialect offers them."""
    each: dict[str, Callable[[str], dict[str, Any]]] = {
        "chat": lambda name: {"type": "function", "function": {"name": name}},
        "responses": lambda name: {"type": "function", "name": name},
        "anthropic": lambda name: {"name": name, "input_schema": {}},
        "gemini": lambda name: {"functionDeclarations": [{"name": name}]},
    }
    return {"tools": [each[shape](name) for name in names]}


@pytest.mark.parametrize("shape", ["chat", "responses", "anthropic", "gemini"])
@given(names=st.lists(st.sampled_from("abcdef"), unique=True), gone=st.sets(st.sampled_from("abcdef")))
def test_what_is_left_out_is_gone_and_the_rest_stays(shape: str, names: list[str], gone: set[str]) -> None:
    body = json.dumps({"x": 1, **shaped(shape, names)}).encode()
    assert offered(body) == names
    left = without(body, gone)
    assert offered(left) == [name for name in names if name not in gone]
    assert json.loads(left)["x"] == 1


def test_what_guards_found_is_there_for_policies_to_look_at() -> None:
    def verdict(guard: str, action: Any, **more: Any) -> Verdict:
        return Verdict(guard=guard, version=1, kind="k", detector="1", stage="input", action=action, **more)

    seen = [verdict("pii", "redact", found={"email": 2}), verdict("calm", "allow"), verdict("x", "flag", label="toxic")]
    assert labels_of(seen) == ("email", "pii", "toxic", "x")


def test_tools_that_providers_run_are_named_by_their_type() -> None:
    tools: list[Any] = [{"type": "web_search_preview"}, {"type": "mcp", "server_label": "crm"}, {"googleSearch": {}}]
    assert offered(json.dumps({"tools": tools}).encode()) == ["web_search_preview", "mcp:crm", "googleSearch"]


PII = GuardSpec(kind="pii", action="flag", data_class="personal", applies_to=("*",), roles=("user",))
MAIL: dict[str, Any] = {**ASK, "messages": [{"role": "user", "content": "write to ada@example.com"}]}


def guarded(g: Running, spec: GuardSpec, classes: Classes | None = None) -> None:
    guards = ProjectGuards((ready("pii", 1, spec),), Refusals(), classes)
    g.force[0] = replace(g.force[0], guards={"prj_1": guards})


def test_a_guard_raises_the_class_of_a_call_before_policies_choose_its_target() -> None:
    async def main() -> None:
        async with governed(engine(EU)) as (g, up, _):
            guarded(g, PII)
            for asked, sent, found in ((ASK, "up-far", "internal"), (MAIL, "up-eu", "personal")):
                assert (await g.chat(asked)).status_code == 200
                record = g.spool.records[-1]
                assert (up.requests[-1][1]["model"], record.data_class) == (sent, found)
            line = record.guards[0]
            assert (line.action, line.data_class) == ("flag", "personal")
            assert (line.raised_from, line.raised_to) == ("internal", "personal")
            await g.chat(MAIL, trimtab_data_class="personal")
            line = g.spool.records[-1].guards[0]
            assert (line.data_class, line.raised_from, line.raised_to) == ("personal", "", ""), "it was so declared"
            assert record.decision[0].policy
            refused = await g.chat({**MAIL, "model": "far-only"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "policy_forbidden")
            assert len(up.requests) == 3

    asyncio.run(main())


def test_a_guard_in_shadow_mode_raises_nothing_and_one_that_fails_closed_does() -> None:
    async def main() -> None:
        async with governed(engine(EU)) as (g, up, _):
            guarded(g, replace(PII, mode="shadow"))
            assert (await g.chat(MAIL)).status_code == 200
            assert (up.requests[-1][1]["model"], g.spool.records[-1].data_class) == ("up-far", "internal")
            spec = GuardSpec(kind="http", options={"service": "gone"}, action="flag", data_class="personal")
            guarded(g, replace(spec, applies_to=("*",)))
            assert (await g.chat(ASK)).status_code == 200
            assert (up.requests[-1][1]["model"], g.spool.records[-1].data_class) == ("up-eu", "personal")
            guarded(g, replace(spec, applies_to=("*",), on_failure="open"))
            assert (await g.chat(ASK)).status_code == 200
            assert up.requests[-1][1]["model"] == "up-far"

    asyncio.run(main())


def test_what_is_found_in_an_answer_is_of_that_class_on_record_where_nothing_is_stated() -> None:
    async def main() -> None:
        said = {**WHOLE, "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Ask ada@example.com."}}]}  # fmt: skip
        async with upstream(answers(said)) as up, running([provider("far", up.port)], MODELS[2:]) as g:
            guarded(g, PII)
            assert (await g.chat({**ASK, "model": "far-only"})).status_code == 200
            record = await g.spool.one()
            assert (record.data_class, [each.stage for each in record.guards if each.data_class]) == (
                "personal", ["output"],
            )  # fmt: skip
            assert [each.raised_from for each in record.guards if each.raised_to] == ["internal"]

    asyncio.run(main())


@given(st.lists(st.sampled_from(("", "public", "personal", "gone"))), st.sampled_from(("", "public", "personal")))
def test_claims_only_ever_raise_a_class_and_an_unknown_one_counts_as_the_most_sensitive(
    claims: list[str], name: str
) -> None:
    classes = Classes()
    raised = classes.raised(name, claims)
    assert classes.rank(raised) >= classes.rank(name)
    assert (raised == "personal") == (name == "personal" or "gone" in claims or "personal" in claims)
