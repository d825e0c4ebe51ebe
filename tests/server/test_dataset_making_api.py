"""Cases of recorded calls, samples, duplicates, and a model's proposals, over the API."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from dataset_house import run
from house import House
from msgspec.structs import replace

from trimtab.server.inner.calls import InnerAnswer, InnerCalls
from trimtab.telemetry.fakes import span_row
from trimtab.telemetry.views import MessageView, ScoreView, SpanIO, TraceDetail

if TYPE_CHECKING:
    from house import Run

__all__ = ("run",)
AT = "/api/v1/projects/default/datasets"


def message(role: str, text: str, *more: dict[str, Any]) -> MessageView:
    return MessageView(role=role, parts=[{"type": "text", "text": text}, *more] if text else list(more))


def io(trace: str, span: str, said: list[MessageView], answer: list[MessageView], **more: Any) -> SpanIO:
    values: dict[str, Any] = {"captured": True, "tools": [], "params": {}, "raw_request": None, "raw_response": None}
    return SpanIO(trace_id=trace, span_id=span, input=said, output=answer, truncated=False, **{**values, **more})


def score(trace: str, name: str, value: float | None, said: str = "", at: int = 1) -> ScoreView:
    return ScoreView(
        id=f"{trace}{name}{at}", target="trace", trace_id=trace, span_id="", session="", name=name, value=value,
        label="", explanation=said, source="user", evaluator="", evaluator_version="", author="", at=at, supersedes="",
        valid=True,
    )  # fmt: skip


@dataclass
class Traffic:
    """Calls in the store of a house, and the scores of their traces."""

    house: House
    project: str
    scores: dict[str, list[ScoreView]] = field(default_factory=dict[str, list[ScoreView]])

    def call(self, trace: str, said: list[MessageView], answer: list[MessageView], **row: Any) -> None:
        texts = row.pop("io", {})
        started = row.pop("started", float(self.house.clock.now_ns() // 1_000_000 - 1000))
        made = replace(span_row(trace, f"{trace}-s", started=started), **row)
        self.house.reader.add(self.project, made, io(trace, f"{trace}-s", said, answer, **texts))

    def retriever(self, trace: str, gave: str) -> None:
        span = f"{trace}-r{len(self.house.reader.stored)}"
        row = replace(span_row(trace, span, started=10.0 - len(span)), kind="retriever", parent_span_id=f"{trace}-s")
        self.house.reader.add(self.project, row, io(trace, span, [], [message("assistant", gave)]))


async def traffic(house: House, monkeypatch: pytest.MonkeyPatch) -> tuple[httpx.AsyncClient, Traffic]:
    admin = house.admin
    assert (await admin.put(f"{AT}/d", json={})).status_code == 200
    project = next(iter(house.holder.current.access.projects.values())).id
    made = Traffic(house, project)
    house.reader.stored.clear()
    plain = house.reader.trace

    async def scored(project: str, trace_id: str) -> TraceDetail | None:
        found = await plain(project, trace_id)
        return None if found is None else replace(found, scores=made.scores.get(trace_id, []))

    monkeypatch.setattr(house.reader, "trace", scored)
    return admin, made


async def post(client: httpx.AsyncClient, where: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"{AT}/d/{where}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def cases(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    found = (await client.get(f"{AT}/d/versions/latest/cases", params={"limit": 500})).json()
    return {each["id"]: each for each in found["items"]}


def test_a_recorded_call_becomes_a_case_with_all_it_was_asked(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        admin, made = await traffic(house, monkeypatch)
        raw = json.dumps({"variables": {"city": "Bonn"}, "tool_choice": "auto"})
        tool = {"name": "find", "description": "Finds", "parameters": {"type": "object"}}
        called = {"type": "tool_call", "id": "c1", "name": "find", "arguments": '{"q": "x"}'}
        made.call("t1", [message("user", "Where is it?")], [message("assistant", "Here.")], session="s1", app="support",
                  release="support r3", user="ada@example.org")  # fmt: skip
        made.call("t2", [message("system", "Be kind."), message("user", "And now?")],
                  [MessageView(role="assistant", parts=[called])],
                  io={"raw_request": raw, "dialect": "openai_chat", "tools": [tool]})  # fmt: skip
        made.retriever("t2", json.dumps({"documents": [{"page_content": "One."}, {"content": "Two.", "score": 1}]}))
        made.retriever("t2", "Plain words.")
        done = await post(admin, "from-traces", expected="answer", tags=["seen"], uses=["evaluate", "tune"])
        assert (done["added"], done["left"]) == (2, [])
        found = await cases(admin)
        one, two = found["trace-t1"], found["trace-t2"]
        assert (one["input"], one["expected"], one["group"], one["tags"]) == ("Where is it?", "Here.", "s1", ["seen"])
        assert one["provenance"]["source"] == "t1"
        assert one["provenance"]["origin"] == "trace"
        assert "ada@example.org" not in json.dumps(one), "who asked is no part of a case"
        assert two["input"]["variables"] == {"city": "Bonn"}
        assert two["input"]["messages"] == [{"role": "system", "content": "Be kind."},
                                            {"role": "user", "content": "And now?"}]  # fmt: skip
        assert two["input"]["tools"][0]["function"]["name"] == "find"
        assert two["input"]["tool_choice"] == "auto"
        assert two["context"] == ["One.", "Two.", "Plain words."]
        assert two["expected_tool_calls"] == [{"name": "find", "arguments": {"q": "x"}}]

    run(story)


def test_a_correction_is_expected_and_what_is_a_case_already_stays(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        admin, made = await traffic(house, monkeypatch)
        for name in ("t1", "t2", "t3", "t4"):
            made.call(name, [message("user", f"Ask {name}")], [message("assistant", "Wrong.")],
                      io={"captured": name != "t3"}, feature="trimtab.judge" if name == "t4" else "")  # fmt: skip
        made.scores["t1"] = [
            score("t1", "correction", None, "Older.", at=1),
            score("t1", "correction", None, "Right.", 5),
        ]
        done = await post(admin, "from-traces")
        assert done["added"] == 2
        assert done["left"] == ["t3: its content was not kept"]
        found = await cases(admin)
        assert (found["trace-t1"]["expected"], found["trace-t2"]["expected"]) == ("Right.", None)
        mended = {**found["trace-t2"], "expected": "By hand."}
        mended.pop("provenance")
        await post(admin, "cases", change=[mended])
        again = await post(admin, "from-traces", traces=["t2", "nowhere"])
        assert again["created"] is False
        assert again["left"] == ["nowhere: there is no such call here", "trace-t2: it is a case already"]
        assert (await cases(admin))["trace-t2"]["provenance"]["source"] == "t2", "a change keeps where it came from"
        await post(admin, "from-traces", traces=["t2"], update=True)
        assert (await cases(admin))["trace-t2"]["expected"] is None
        await post(admin, "from-traces", 400, traces=["t2"], q="x")
        await post(admin, "from-traces", 400, start=5, end=5)

    run(story)


def test_samples_of_traffic_and_of_cases_find_what_fails_and_is_disputed(
    run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(house: House) -> None:
        admin, made = await traffic(house, monkeypatch)
        for number in range(8):
            made.call(f"t{number}", [message("user", f"Ask number {number}")], [message("assistant", "Yes.")])
        made.scores |= {
            "t1": [score("t1", "good", 0.0)],
            "t2": [score("t2", "good", 0.5)],
            "t3": [score("t3", "good", 1.0), score("t3", "good", 0.0, at=2)],
            "t4": [score("t4", "good", 1.0)],
            "t5": [score("t5", "length", 400.0)],
            "t6": [replace(score("t6", "empty", 1.0), source="detector")],
        }
        await post(admin, "from-traces", sample="failing", limit=2)
        assert set(await cases(admin)) == {"trace-t1", "trace-t6"}
        await post(admin, "from-traces")
        failing = await post(admin, "sample", strategy="failing", size=5)
        assert {each["id"] for each in failing["items"]} == {f"trace-t{n}" for n in (1, 2, 3, 6)}
        assert {"id": "trace-t1", "why": "good is 0.00", "value": 0.0} in failing["items"][:2]
        assert {"id": "trace-t6", "why": "not empty is 0.00", "value": 0.0} in failing["items"][:2], (
            "what a detector found"
        )
        assert (failing["considered"], failing["unscored"]) == (8, 3), "a length is no share"
        disputed = await post(admin, "sample", strategy="disputed", size=5, save_as="disputed")
        assert [each["id"] for each in disputed["items"]] == ["trace-t3"]
        assert disputed["written"]["changed"] == 1
        assert (await cases(admin))["trace-t3"]["tags"] == ["disputed"]
        await post(admin, "sample", 404, strategy="failing", size=5, experiment="none")

    run(story)


def test_a_diverse_sample_is_the_same_for_the_same_seed_and_takes_no_case_twice(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await admin.put(f"{AT}/d", json={})
        topics = ["refund of a ticket", "lost password reset", "weather in Bonn", "opening hours of the shop"]
        asked = [{"id": f"c{n}", "input": f"{topics[n % 4]} please" + " now" * (n // 4)} for n in range(40)]
        await post(admin, "cases", add=[*asked, {"id": "twin", "input": asked[0]["input"].upper()}])
        one = await post(admin, "sample", strategy="diverse", size=4, seed=7)
        assert one == await post(admin, "sample", strategy="diverse", size=4, seed=7)
        assert len({int(each["id"][1:]) % 4 for each in one["items"] if each["id"] != "twin"}) >= 3
        everything = await post(admin, "sample", strategy="diverse", size=100)
        assert len(everything["items"]) == 40, "what says the same as a chosen one is not chosen"
        drawn = await post(admin, "sample", strategy="random", size=5, seed=1)
        assert drawn["items"] != (await post(admin, "sample", strategy="random", size=5, seed=2))["items"]

    run(story)


def test_duplicates_are_found_and_those_across_splits_counted(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await admin.put(f"{AT}/d", json={})
        long = "The parcel that I ordered three weeks ago has still not arrived at my door in Bonn"
        await post(admin, "cases", add=[
            {"id": "a", "input": "Where is  my ORDER?", "split": "dev"},
            {"id": "b", "input": "where is my order?", "split": "test"},
            {"id": "c", "input": long, "split": "dev"},
            {"id": "d", "input": f"{long}, sadly", "split": "test"},
            {"id": "e", "input": "Something else entirely"},
        ])  # fmt: skip
        found = (await admin.get(f"{AT}/d/duplicates")).json()
        assert found["exact"] == [["a", "b"]]
        [pair] = found["near"]
        assert (pair["one"], pair["other"], pair["split"]) == ("c", "d", True)
        assert found["across"] == 2
        assert found["says"].startswith("Of 5 cases 1 say exactly what another says, and 1 pairs")
        assert (await admin.get(f"{AT}/d/duplicates?at_least=0.99")).json()["near"] == []
        assert (await admin.get(f"{AT}/d/duplicates?at_least=2")).status_code == 400

    run(story)


@dataclass
class Model:
    """What answers calls of the server itself."""

    answers: list[str]
    cost: int | None = 1_000_000_000
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def call(self, caller: Any, body: dict[str, Any], **more: Any) -> InnerAnswer:
        self.asked.append({"feature": caller.feature, **body})
        return InnerAnswer(
            text=self.answers[len(self.asked) - 1], tool_calls=(), stop="stop", model_used="m", trace_id="tr",
            span_id="s", request_id="r", latency_ms=1.0, ttft_ms=None, cost=self.cost, input_tokens=1, output_tokens=1,
            cached=False, replayed=False,
        )  # fmt: skip


def proposed(*inputs: str) -> str:
    found = [{"input": text, "expected": f"About {text}"} for text in inputs]
    return f"Here they are:\n```json\n{json.dumps({'cases': found})}\n```"


def asks(house: House, monkeypatch: pytest.MonkeyPatch, model: Model) -> None:
    monkeypatch.setitem(cast("Any", house.deps).__dict__, "inner_calls", cast("InnerCalls", model))


def test_what_a_model_proposes_waits_for_a_person(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await admin.put(f"{AT}/d", json={})
        shown = {"id": "old", "input": "Known question", "uses": ["evaluate", "tune"]}
        await post(admin, "cases", add=[shown, {"id": "kept", "input": "A secret question"}])
        model = Model([proposed("New one", "known  QUESTION", "New two"), "no JSON at all"])
        asks(house, monkeypatch, model)
        made = await post(admin, "generate", model="m", count=20, about="angry", tags=["made"])
        assert [each["case"]["input"] for each in made["proposals"]] == ["New one", "New two"]
        assert (made["calls"], made["cost"]) == (2, "0.002")
        assert any("there already" in each for each in made["left"])
        assert any("not the JSON" in each for each in made["left"])
        said = json.dumps(model.asked[0])
        assert "Known question" in said
        assert "angry" in said
        assert "secret" not in said, "a case that must not be used to tune is not shown"
        assert model.asked[0]["feature"] == "trimtab.generate"
        assert len(await cases(admin)) == 2, "nothing is a case before a person took it"

        first, second = (each["id"] for each in made["proposals"])
        mended = {"input": "New one, mended", "expected": "Yes"}
        done = await post(admin, "proposals", accept=[{"id": first, "case": mended}], reject=[second])
        assert done["added"] == 1
        new = next(each for each in (await cases(admin)).values() if each["input"] == "New one, mended")
        assert (new["provenance"]["origin"], new["provenance"]["source"]) == ("generator", "m")
        taken = await post(admin, "proposals", 409, accept=[{"id": second}])
        assert taken["code"] == "proposal_decided"
        await post(admin, "proposals", 404, reject=["prp_none"])
        open_now = (await admin.get(f"{AT}/d/proposals")).json()["items"]
        assert open_now == []
        asks(house, monkeypatch, Model([proposed("New two", "New three")]))
        again = await post(admin, "generate", model="m", count=2)
        assert [each["case"]["input"] for each in again["proposals"]] == ["New three"]

    run(story)


def test_no_call_is_made_that_might_go_beyond_the_budget(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await admin.put(f"{AT}/d", json={})
        dear = Model([proposed(*(f"q{n}" for n in range(10))), proposed("never")], cost=600_000_000_000)
        asks(house, monkeypatch, dear)
        made = await post(admin, "generate", model="m", count=20, budget="1")
        assert (made["calls"], len(made["proposals"]), made["cost"]) == (1, 10, "0.6")
        assert "budget" in made["left"][0]
        unknown = Model([proposed("x1"), proposed("never")], cost=None)
        asks(house, monkeypatch, unknown)
        made = await post(admin, "generate", model="m", count=20)
        assert (made["calls"], made["cost"]) == (1, None)
        for budget in ("0", "-1", "much", "NaN", "1e9"):
            await post(admin, "generate", 400, model="m", budget=budget)

    run(story)
