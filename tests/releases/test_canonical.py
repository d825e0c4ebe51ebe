"""The hash of a release: of one content one, on every server, in every process, with every Python."""

import json
import subprocess
import sys
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from trimtab.core.errors import InvalidRequest
from trimtab.prompts.canonical import content_hash as prompt_hash
from trimtab.prompts.canonical import normal as prompt_normal
from trimtab.prompts.types import Bundle, Message, Source, Variable
from trimtab.prompts.types import Content as PromptContent
from trimtab.releases.canonical import canonical, content_hash, draft, normal
from trimtab.releases.types import AppSpec, Content, Knowledge, Pinned, PinnedGuard, PinnedKnowledge

GOLDEN = "sha256:d22ee537ad095c04a2335bb3240a5083430fac51ce144eb7928fe437efdd58bd"
GOLDEN_BYTES = (
    '{"prompt":{"name":"support","content":{"variables":{"alter":{"type":"number","default":1},"wer":{"ty'
    'pe":"string","default":"Ünï"}},"messages":[{"role":"system","text":"Grüße, {{ wer }}\\n日本"}]},"includ'
    'es":{"a":{"name":"a","content":{"variables":{"alter":{"type":"number","default":1},"wer":{"type":"st'
    'ring","default":"Ünï"}},"messages":[{"role":"system","text":"x"}]}},"stil@2":{"name":"stil","content'
    '":{"variables":{"alter":{"type":"number","default":1},"wer":{"type":"string","default":"Ünï"}},"mess'
    'ages":[{"role":"system","text":"kurz"}]}}}},"route":{"node":"fallback","of":["fast",{"model":"lab/gr'
    'ößer","node":"target"}]},"models":{"fast":{"provider":"p","upstream":"u"},"lab/größer":{"provider":"'
    'lab","upstream":"größer"}},"affinity":{"minutes":5,"session":true},"parameters":{"seed":900719925474'
    '0993,"stop":["\\n","😀"],"temperature":0.2,"top_p":1},"tools":[{"type":"function","function":{"name":"'
    'suche","parameters":{"type":"object","properties":{}}}}],"output_schema":{"type":"object","propertie'
    's":{"b":{"type":"string"},"a":{"type":"number"}}},"policy":{"allowed":null,"limit":50},"variables":{'
    '"wer":"Ada\u2028"},"cache":{"mode":"exact","ttl_s":60},"metadata":{"a":0,"z":1e+300}}'
)

names = st.text("abcdefé_Z0", min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6).filter(lambda text: "\0" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
objects = st.dictionaries(names, values, max_size=4)


def source(name: str, text: str, version: int = 3) -> Source:
    variables = {"wer": Variable(default="Ünï"), "alter": Variable(type="number", default=1.0)}
    content = prompt_normal(PromptContent(variables=variables, messages=(Message(role="system", text=text),)))
    return Source(name=name, version=version, hash=prompt_hash(content), content=content)


def sample(version: int = 3) -> Content:
    """Something of everything: whole numbers as floats, other scripts, names out of order."""
    bundle = Bundle(
        prompt=source("support", "Grüße, {{ wer }}\r\n日本", version),
        includes={"stil@2": source("stil", "kurz", version + 1), "a": source("a", "x", version)},
    )
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    tool: dict[str, Any] = {"type": "function", "function": {"name": "suche", "parameters": schema}}
    return Content(
        prompt=bundle,
        route={"of": ["fast", {"model": "lab/größer", "node": "target"}], "node": "fallback"},
        models={"lab/größer": Pinned(provider="lab", upstream="größer"), "fast": Pinned(provider="p", upstream="u")},
        affinity={"session": True, "minutes": 5.0},
        parameters={"top_p": 1.0, "temperature": 0.2, "seed": 9007199254740993, "stop": ["\r\n", "😀"]},
        tools=(tool,),
        output_schema={"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number"}}},
        policy={"limit": 50.0, "allowed": None},
        variables={"wer": "Ada\u2028"},
        cache={"ttl_s": 60.0, "mode": "exact"},
        metadata={"z": 1e300, "a": -0.0},
    )


def test_the_hash_of_a_content_is_the_one_that_is_written_here() -> None:
    """It may change with a new `MARK` only: releases that were made before would have another hash than they say."""
    made = normal(sample())
    assert canonical(made).decode() == GOLDEN_BYTES
    assert content_hash(made) == GOLDEN


def test_the_hash_is_the_same_in_processes_with_other_seeds() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_canonical as t; "
        "from trimtab.releases.canonical import *; print(content_hash(normal(t.sample())))"
    )
    found: set[str] = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", program, __file__.rpartition("/")[0]],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.add(done.stdout.strip())
    assert found == {GOLDEN}


def test_a_version_of_a_prompt_is_not_in_the_hash_and_its_text_is() -> None:
    assert content_hash(normal(sample(3))) == content_hash(normal(sample(8)))
    changed = sample()
    assert changed.prompt is not None
    includes = {**changed.prompt.includes, "a": source("a", "y")}
    other = structs.replace(changed, prompt=structs.replace(changed.prompt, includes=includes))
    assert content_hash(normal(other)) != content_hash(normal(sample()))


@given(objects, objects, objects)
def test_a_content_survives_its_json_with_its_hash(one: Any, two: Any, three: Any) -> None:
    """In any order of names, and with whole numbers as floats, as other languages write them."""
    made = normal(Content(route="fast", parameters=one, policy=two, metadata=three, variables=one, tools=(two,)))
    assert normal(made) == made
    back = msgspec.json.decode(msgspec.json.encode(made), type=Content)
    assert content_hash(normal(back)) == content_hash(made)
    through = json.loads(json.dumps(msgspec.to_builtins(made)))
    through["parameters"] = dict(reversed(through.get("parameters", {}).items()))
    through["metadata"] = turned(through.get("metadata", {}))
    assert content_hash(normal(msgspec.convert(through, Content))) == content_hash(made)


def turned(value: Any) -> Any:
    """With every object in the other order, and every small whole number a float."""
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        return {name: turned(found[name]) for name in reversed(list(found))}
    if isinstance(value, list):
        return [turned(each) for each in cast("list[Any]", value)]
    return float(value) if type(value) is int and abs(value) < 1 << 53 else value


def test_order_counts_where_a_model_sees_it() -> None:
    base = Content(route="fast", output_schema={"properties": {"a": {}, "b": {}}})
    other = structs.replace(base, output_schema={"properties": {"b": {}, "a": {}}})
    assert content_hash(normal(base)) != content_hash(normal(other))
    values: dict[str, Any] = {"response_format": {"a": 1, "b": 2}}
    first, second = [
        content_hash(normal(Content(route="fast", parameters=each)))
        for each in (values, {"response_format": {"b": 2, "a": 1}})
    ]
    assert first != second


KNOWN = PinnedKnowledge(corpus="handbook", version=3, digest="sha256:a")


def test_every_field_of_knowledge_is_in_the_hash_but_the_number_that_a_version_has_on_one_server() -> None:
    others: dict[str, Any] = {
        "corpus": "k", "digest": "sha256:b", "top": 5, "least": 0.5, "tokens": 100, "mode": "words",
        "query": "{{ question }}", "on_failure": "answer_without", "timeout_ms": 10, "layout": 2,
    }  # fmt: skip
    assert others.keys() == {*PinnedKnowledge.__struct_fields__} - {"version"}
    made = [Content(route="fast", knowledge=(structs.replace(KNOWN, **{name: v}),)) for name, v in others.items()]
    follows = Content(route="fast", knowledge=(structs.replace(KNOWN, version=0, digest=""),))
    base = Content(route="fast", knowledge=(KNOWN,))
    hashes = {content_hash(normal(each)) for each in (base, follows, Content(route="fast"), *made)}
    assert len(hashes) == len(others) + 3
    moved = Content(route="fast", knowledge=(structs.replace(KNOWN, version=9),))
    assert content_hash(normal(moved)) == content_hash(normal(base))


def test_a_corpus_that_is_only_named_has_the_short_form() -> None:
    given = AppSpec(route="fast", knowledge=(Knowledge(corpus=" handbook "), Knowledge(corpus="b", least=0)))
    assert draft(given).knowledge == ("handbook", Knowledge(corpus="b", least=0.0))
    assert draft(draft(given)) == draft(given)


def test_every_field_of_a_content_is_in_its_hash() -> None:
    """A field that is added one day cannot be forgotten here."""
    whole = normal(sample())
    guards = (PinnedGuard(name="g", version=1, spec={"kind": "secrets"}),)
    full = structs.replace(whole, context={"max_tokens": 100}, knowledge=(KNOWN,), guards=guards)
    hashes = {content_hash(full)}
    for name in Content.__struct_fields__:
        hashes.add(content_hash(structs.replace(full, **{name: getattr(Content(), name)})))
    assert len(hashes) == len(Content.__struct_fields__) + 1


@given(objects, objects)
def test_a_draft_has_one_normal_form(one: Any, two: Any) -> None:
    made = draft(AppSpec(route="fast", parameters=one, metadata=two, tools=(two,)))
    assert draft(made) == made
    again = AppSpec(route=" fast ", parameters=dict(reversed(one.items())), metadata=turned(two), tools=(two,))
    assert msgspec.json.encode(draft(again)) == msgspec.json.encode(made)


@pytest.mark.parametrize(
    "spec",
    [
        AppSpec(parameters={"a": float("nan")}),
        AppSpec(metadata={"a": 1 << 70}),
        AppSpec(policy={"a": "\ud800"}),
        AppSpec(description="x" * 5000),
        AppSpec(variables={f"v{n}": n for n in range(501)}),
        AppSpec(parameters={"a": [[[]]] * 1, "b": json.loads("[" * 60 + "]" * 60)}),
    ],
)
def test_what_cannot_be_written_is_refused(spec: AppSpec) -> None:
    with pytest.raises(InvalidRequest) as refused:
        draft(spec)
    assert refused.value.fix


def test_tools_that_are_left_out_are_not_no_tools() -> None:
    assert draft(AppSpec()).tools is UNSET
    assert draft(AppSpec(tools=())).tools == ()
    assert msgspec.json.encode(AppSpec(tools=())) == b'{"tools":[]}'
