"""Apps beside what is kept: a stored answer is its release's alone, and a call sent twice is one call."""

from pathlib import Path
from typing import Any

from harness import provider, running
from kept import gateway
from limiting import limited
from placing import place, prompt, release, running_loop
from upstream import WHOLE, answers, upstream
from vendors import a_project, sqlite

from trimtab.ledger.limits import Rule, Scope
from trimtab.storage.database import Database

ASK = [{"role": "user", "content": "Where is my parcel?"}]
GREETING = prompt(("system", "Be kind to {{ customer }}."), customer={"default": "you"})
CACHED: dict[str, Any] = {"cache": {"mode": "exact", "sampled": True}}


@running_loop
async def test_an_answer_of_one_release_is_never_given_for_another(tmp_path: Path) -> None:
    async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("up", up.port)], []) as (g, _):
        rows = [release(1, **CACHED), release(2, **CACHED, metadata={"note": "says the same"})]
        told: list[str] = []
        for row in (rows[0], rows[0], rows[1], rows[1], rows[0]):
            place(g, [row])
            response = await g.chat({"model": "support", "messages": ASK})
            told.append(f"{response.headers['trimtab-release']} {response.headers['trimtab-cache'].split(';')[0]}")
    assert told == ["support r1 miss", "support r1 hit", "support r2 miss", "support r2 hit", "support r1 hit"]
    assert len(up.requests) == 2
    assert [record.release for record in g.spool.records] == ["r1", "r1", "r2", "r2", "r1"]


@running_loop
async def test_other_variables_are_another_question_and_the_same_ones_said_otherwise_are_not(tmp_path: Path) -> None:
    async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("up", up.port)], []) as (g, _):
        place(g, [release(1, prompt=GREETING, **CACHED)])
        first = await g.chat({"model": "support", "messages": ASK, "variables": {"customer": "Ada"}})
        other = await g.chat({"model": "support", "messages": ASK, "variables": {"customer": "Bob"}})
        again = await g.chat({"model": "support", "messages": ASK}, trimtab_variables='{"customer": "Ada"}')
    kinds = [response.headers["trimtab-cache"].split(";")[0] for response in (first, other, again)]
    assert kinds == ["miss", "miss", "hit"]
    assert len(up.requests) == 2


@running_loop
async def test_a_caller_that_opts_in_by_header_has_answers_of_the_release_in_force(tmp_path: Path) -> None:
    async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("up", up.port)], []) as (g, _):
        for number in (1, 2):
            place(g, [release(number, metadata={"n": number})])
            for _ in range(2):
                await g.chat({"model": "support", "messages": ASK}, trimtab_cache="exact")
    assert len(up.requests) == 2


@running_loop
async def test_a_call_sent_again_is_answered_as_it_was_whatever_was_released_meanwhile(tmp_path: Path) -> None:
    async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("up", up.port)], []) as (g, _):
        place(g, [release(1, prompt=GREETING)])
        first = await g.chat({"model": "support", "messages": ASK}, idempotency_key="k1")
        place(g, [release(2, prompt=GREETING, parameters={"seed": 2})])
        again = await g.chat({"model": "support", "messages": ASK}, idempotency_key="k1")
    assert (first.status_code, again.status_code, len(up.requests)) == (200, 200, 1)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content


@running_loop
async def test_a_limit_on_an_app_counts_its_calls_in_whichever_environment(tmp_path: Path) -> None:
    rule = Rule(name="two", measure="requests", bound=2, window="month", scope=Scope(app=("support",)))
    async with upstream(answers(WHOLE)) as up, limited([rule], [provider("lab", up.port)], tmp_path) as (g, _):
        place(g, [release(1, model="lab/m")])
        place(g, [release(2, model="lab/m")], environment="staging", default=False)
        place(g, [release(1, app="other", model="lab/m")])
        names = ("support", "support@staging", "other", "support@staging", "support")
        told = [(await g.chat({"model": name, "messages": ASK})).status_code for name in names]
    assert told == [200, 200, 200, 429, 429]


@running_loop
async def test_a_conversation_of_responses_goes_on_with_the_prompt_said_anew_and_only_once(tmp_path: Path) -> None:
    shots = prompt(("system", "Be kind to {{ customer }}."), ("user", "2+2?"), ("assistant", "4"), customer={})
    db = Database.open(sqlite(tmp_path))
    await db.prepare()
    await db.write(a_project)
    async with upstream(answers(WHOLE)) as up, running([provider("up", up.port)], [], db=db) as g:
        place(g, [release(1, prompt=shots)])
        body = {"model": "support", "input": "hello", "variables": {"customer": "Ada"}}
        first = await g.client.post("/v1/responses", json=body)
        place(g, [release(2, prompt=shots, parameters={"seed": 2})])
        more = {**body, "input": "and then?", "previous_response_id": first.json()["id"]}
        second = await g.client.post("/v1/responses", json=more)
        kept = await g.client.get(f"/v1/responses/{first.json()['id']}/input_items")
    assert (first.status_code, second.status_code) == (200, 200), second.text
    said = [[(m["role"], m["content"]) for m in request["messages"]] for _, request in up.requests]
    opening = [("system", "Be kind to Ada."), ("user", "2+2?"), ("assistant", "4"), ("user", "hello")]
    assert said == [opening, [*opening, ("assistant", "hi"), ("user", "and then?")]]
    assert [item["content"][0]["text"] for item in kept.json()["data"]] == ["hello"]
    await db.close()
