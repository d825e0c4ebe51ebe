"""What changed between two contents, in sentences: each field has its own, and nothing that changed is left untold."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from trimtab.prompts.canonical import content_hash as prompt_hash
from trimtab.prompts.canonical import normal as prompt_normal
from trimtab.prompts.types import Bundle, Message, Source, Variable
from trimtab.prompts.types import Content as PromptContent
from trimtab.releases.canonical import content_hash, normal
from trimtab.releases.diff import diff, words
from trimtab.releases.types import Content, Pinned, PinnedGuard, PinnedKnowledge

GUARD = PinnedGuard(name="g", version=1, spec={"kind": "secrets", "action": "flag"})


def source(text: str = "Be kind.\nBe brief.", *, version: int = 3, name: str = "support", **more: Any) -> Source:
    messages = more.pop("messages", (Message(role="system", text=text), Message(role="user", text="{{ who }}")))
    content = prompt_normal(PromptContent(variables={"who": Variable()}, messages=messages, **more))
    return Source(name=name, version=version, hash=prompt_hash(content), content=content)


def content(**more: Any) -> Content:
    route = more.pop("route", "fast")
    prompt = more.pop("prompt", None)
    includes = more.pop("includes", {})
    bundle = None if prompt is None else Bundle(prompt=prompt, includes=includes)
    models = more.pop("models", {"fast": Pinned(provider="lab", upstream="one")})
    return normal(Content(route=route, models=models, prompt=bundle, **more))


def chain(*names: str) -> dict[str, Any]:
    return {"node": "fallback", "of": list(names)}


def weights(*shares: tuple[float, Any], **more: Any) -> dict[str, Any]:
    return {"node": "weights", "of": [{"weight": weight, "use": use} for weight, use in shares], **more}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"parameters": {"temperature": 0.2}}, {"parameters": {"temperature": 0.7}},
         ["Temperature raised from 0.2 to 0.7"]),
        ({"parameters": {"max_tokens": 800}}, {"parameters": {"max_tokens": 500}},
         ["Longest answer in tokens lowered from 800 to 500"]),
        ({"parameters": {"seed": 1}}, {"parameters": {"logprobs": True}},
         ["Parameter logprobs set to true", "Seed left to the provider (it was 1)"]),
        ({"parameters": {"logprobs": True}}, {"parameters": {"logprobs": False}}, ["Parameter logprobs switched off"]),
        ({"parameters": {"stop": ["a"]}}, {"parameters": {"stop": ["b"]}}, ['Stop words changed from ["a"] to ["b"]']),
        ({"policy": {"refund_limit": 50}}, {"policy": {"refund_limit": 100, "days": 3}},
         ["New rule: days is 3", "The rule refund_limit was raised from 50 to 100"]),
        ({"variables": {"tone": "kind"}}, {"variables": {"tone": "formal"}},
         ['tone is always "formal" instead of "kind"']),
        ({"variables": {"tone": "kind"}}, {}, ['tone is left to the caller (it was always "kind")']),
        ({}, {"output_schema": {}}, ["Answers must follow a JSON schema"]),
        ({"output_schema": {"properties": {"a": {}, "b": {}}}}, {"output_schema": {"properties": {"b": {}, "c": {}}}},
         ["The JSON schema of answers changed: a is gone, c is new"]),
        ({"output_schema": {"properties": {"a": {}, "b": {}}}}, {"output_schema": {"properties": {"b": {}, "a": {}}}},
         ["The JSON schema of answers changed: the order of its fields"]),
        ({}, {"cache": {"ttl_s": 60}}, ["Answers are given again from the cache: ttl_s 60"]),
        ({"cache": {}}, {}, ["No longer so: answers are given again from the cache"]),
        ({"cache": {"ttl_s": 60}}, {"cache": {"ttl_s": 90}},
         ["Answers are given again from the cache, with another setting: seconds an answer is kept 90 instead of 60"]),
        ({}, {"context": {"max_tokens": 4000}}, ["Long conversations are shortened: max_tokens 4000"]),
        ({"metadata": {"owner": "a"}}, {"metadata": {"owner": "b"}}, ['Metadata owner changed from "a" to "b"']),
        ({"tools": ({"name": "look"},)}, {"tools": ({"name": "look", "description": "x"}, {"name": "buy"})},
         ["New tool: buy", "The tool look changed: its description"]),
        ({"tools": ({"name": "a"}, {"name": "b"})}, {"tools": ({"name": "b"}, {"name": "a"})},
         ["The tools are in another order"]),
        ({"affinity": {"session": True}}, {}, ["No longer so: conversations keep to the model that answered before"]),
        ({"models": {"fast": Pinned(provider="lab", upstream="two")}}, {},
         ["fast now stands for lab/one instead of lab/two"]),
    ],
)  # fmt: skip
def test_each_field_has_its_sentence(before: dict[str, Any], after: dict[str, Any], told: list[str]) -> None:
    assert words(content(**before), content(**after)) == told


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("gpt", "claude", ["Answered by claude instead of gpt"]),
        (chain("a", "gpt"), chain("a", "claude"), ["Falls back to claude instead of gpt"]),
        ("a", chain("a", "b"), ["Falls back to b, too"]),
        (chain("a", "b"), "a", ["No longer falls back to b"]),
        (chain("a", "b", "c"), chain("a", "c", "b"), ["Falls back in another order: c, then b"]),
        (chain("a", "b"), chain("b", "a"),
         ["Answered by b instead of a", "Falls back to a instead of b"]),
        (weights((9, "a"), (1, "b")), weights((7, "a"), (3, "b")),
         ["a gets 70 % of the calls instead of 90 %", "b gets 30 % of the calls instead of 10 %"]),
        (weights((1, "a")), weights((1, "a"), sticky="user"), ['The route\'s sticky went from its default to "user"']),
        ("a", weights((1, "a"), (3, "b")), ["Answered by 25 % to a, 75 % to b, instead of a"]),
        ({"node": "escalate", "cheap": "a", "strong": "b"}, {"node": "escalate", "cheap": "a", "strong": "c"},
         ["For hard questions: Answered by c instead of b"]),
        ({"node": "when", "of": [{"if": {"tags": ["x"]}, "use": "a"}], "otherwise": "b"},
         {"node": "when", "of": [{"if": {"tags": ["y"]}, "use": "a"}], "otherwise": "c"},
         ["The conditions of branch 1 (to a) changed", "Else: Answered by c instead of b"]),
        ({"node": "semantic", "of": [{"name": "money", "examples": ["a"], "use": "a"}], "otherwise": "b"},
         {"node": "semantic", "of": [{"name": "money", "examples": ["b"], "use": "c"}], "otherwise": "b"},
         ["The examples of the topic money changed", "On money: Answered by c instead of a"]),
        ({"node": "fastest", "of": ["a", "b"]}, {"node": "cheapest", "of": ["a", "b"]},
         ["Answered by the cheapest of a, b, instead of the fastest of a, b"]),
        ({"node": "local_only", "use": "a"}, {"node": "local_only", "use": "b"}, ["Answered by b instead of a"]),
    ],
)  # fmt: skip
def test_routes_are_told_as_who_answers(before: Any, after: Any, told: list[str]) -> None:
    assert words(content(route=before, models={}), content(route=after, models={})) == told


def test_the_prompts_own_difference_stands_beneath() -> None:
    old = content(prompt=source(), includes={"house": source("x", name="house", version=1)})
    new = content(
        prompt=source("Be kind.\nBe very brief.\nSay why.", version=4, description="Answers"),
        includes={"house": source("y", name="house", version=2), "late": source("z", name="late", version=1)},
    )
    found = diff(old, new)
    assert [change.words for change in found.changes] == [
        "The prompt support went from version 3 to 4",
        "The system message changed (2 lines)",
        "In the prompt, the description changed",
        "The included house went from version 1 to 2",
        "The prompt now includes late (version 1)",
    ]
    assert [(each.reference, each.before, each.after) for each in found.prompts] == [
        ("", 3, 4), ("house", 1, 2), ("late", None, 1),
    ]  # fmt: skip
    assert [line.text for line in found.prompts[0].messages[0].lines if line.mark == "added"] == [
        "Be very brief.", "Say why.",
    ]  # fmt: skip


def test_messages_are_named_by_role_and_place() -> None:
    many = tuple(Message(role="user", text=f"q{n}") for n in range(3))
    changed = (many[0], Message(role="user", text="other"), many[2])
    old, new = source(messages=many), source(messages=changed, version=4)
    assert "The 2nd user message changed (1 line)" in words(content(prompt=old), content(prompt=new))
    gone = source(messages=many[:2], version=4)
    assert "The 3rd user message is gone (1 line)" in words(content(prompt=old), content(prompt=gone))
    assert words(content(prompt=old), content(prompt=source(name="other", version=1)))[:1] == [
        "Uses the prompt other@1 instead of support@3"
    ]


def test_a_first_release_is_told_as_what_it_is() -> None:
    after = content(prompt=source(), route=chain("fast", "slow"), parameters={"temperature": 0})
    assert words(None, after) == [
        "Uses the prompt support@3", "Answered by fast, falling back to slow", "Temperature set to 0",
    ]  # fmt: skip


def test_the_same_content_with_another_version_of_its_prompt_is_no_difference() -> None:
    assert diff(content(prompt=source(version=1)), content(prompt=source(version=9))) == diff(content(), content())


def test_before_and_after_are_data_too() -> None:
    (change,) = diff(content(parameters={"temperature": 0.2}), content()).changes
    assert (change.area, change.what, change.where, change.before) == (
        "parameters", "removed", "parameters.temperature", 0.2,
    )  # fmt: skip
    assert b'"after"' not in msgspec.json.encode(change)


scalars = st.sampled_from([0, 1, 2.5, True, "a", None, [1], {"x": 1, "y": 2}, {"y": 2, "x": 1}])
objects = st.dictionaries(st.sampled_from("abc"), scalars, max_size=3)
routes: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from("abc"),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: {"node": "fallback", "of": of}),
        st.lists(inner, min_size=1, max_size=2).map(lambda of: {"node": "fastest", "of": of}),
        st.lists(st.tuples(st.sampled_from([1, 2]), inner), min_size=1, max_size=2).map(lambda of: weights(*of)),
        st.tuples(inner, inner).map(lambda two: {"node": "escalate", "cheap": two[0], "strong": two[1]}),
        st.tuples(inner, inner).map(
            lambda two: {"node": "when", "of": [{"if": {"tags": ["x"]}, "use": two[0]}], "otherwise": two[1]}
        ),
    ),
    max_leaves=4,
)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    text = draw(st.none() | st.sampled_from(["x", "y\nz"]))
    return content(
        parameters=draw(objects),
        tools=tuple(draw(st.lists(objects, max_size=2))),
        output_schema=draw(st.none() | objects),
        policy=draw(objects),
        route=draw(routes),
        models={},
        cache=draw(st.none() | objects),
        prompt=None if text is None else source(text),
    )


@given(contents(), contents())
def test_what_has_another_hash_is_told_and_what_has_the_same_is_not(before: Content, after: Content) -> None:
    found = diff(before, after)
    assert bool(found.changes) == (content_hash(before) != content_hash(after))
    assert all(change.words and "\n" not in change.words for change in found.changes)
    assert diff(after, after).changes == []


KNOWN = PinnedKnowledge(corpus="handbook", version=3, digest="sha256:a")


def test_knowledge_is_told_by_its_version_and_what_follows_its_corpus_is_told_as_not_frozen() -> None:
    newer = structs.replace(KNOWN, version=4, digest="sha256:b", top=6, on_failure="answer_without")
    follows = structs.replace(KNOWN, version=0, digest="")

    def told(before: tuple[PinnedKnowledge, ...], after: tuple[PinnedKnowledge, ...]) -> list[str]:
        return words(content(knowledge=before), content(knowledge=after))

    assert told((), (KNOWN,)) == ["Looks things up in handbook (version 3): up to 4 passages, by meaning and by words"]
    assert told((KNOWN,), (newer,)) == [
        "The knowledge handbook went from version 3 to 4",
        "Takes up to 6 passages of handbook instead of 4",
        "Answers without handbook where that cannot be searched",
    ]
    assert told((KNOWN,), (follows,)) == [
        "Searches handbook as it is at each call, which the release does not freeze (it was frozen at version 3)"
    ]
    assert told((follows,), (KNOWN,)) == [
        "Searches version 3 of handbook and no other (it was the newest at each call)"
    ]
    assert told((KNOWN,), ()) == ["No longer looks things up in handbook"]
    other = structs.replace(KNOWN, corpus="law")
    assert told((KNOWN, other), (other, KNOWN)) == ["The corpora are searched in another order"]
    assert told((KNOWN,), (structs.replace(KNOWN, version=8),)) == [], "the same content by another number"


@pytest.mark.parametrize(
    ("name", "value"),
    [("top", 1), ("least", 0.3), ("tokens", 100), ("mode", "words"), ("query", "{{ question }}"), ("timeout_ms", 10),
     ("on_failure", "answer_without"), ("layout", 2)],
)  # fmt: skip
def test_no_setting_of_knowledge_is_forgotten(name: str, value: Any) -> None:
    changed = structs.replace(KNOWN, **{name: value})
    (one,) = words(content(knowledge=(KNOWN,)), content(knowledge=(changed,)))
    (other,) = words(content(knowledge=(changed,)), content(knowledge=(KNOWN,)))
    assert "handbook" in one
    assert one != other or name == "layout"


def test_no_field_of_a_content_is_forgotten() -> None:
    """One that is added one day has to be told as well."""
    full = content(
        prompt=source(), parameters={"a": 1}, tools=({"name": "t"},), output_schema={}, policy={"p": 1},
        variables={"who": "x"}, context={}, cache={}, knowledge=(KNOWN,), guards=(GUARD,), metadata={"m": 1},
        affinity={"session": True},
    )  # fmt: skip
    for name in Content.__struct_fields__:
        if name != "models":  # its names are the route's
            other = structs.replace(full, **{name: getattr(Content(), name)})
            assert words(other, full), name


def test_a_guard_is_told_by_its_version() -> None:
    newer = structs.replace(GUARD, version=2, spec={"kind": "secrets", "action": "block"})
    assert words(content(), content(guards=(GUARD,))) == ["Guarded by g (version 1)"]
    assert words(content(guards=(GUARD,)), content(guards=(newer,))) == ["The guard g went from version 1 to 2"]
    assert words(content(guards=(newer,)), content()) == ["No longer guarded by g"]
