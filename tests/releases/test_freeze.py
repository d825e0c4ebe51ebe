"""A draft becomes a content: what it overrides, what it takes from its prompt, and what it is refused for."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs

from trimtab.core.errors import InvalidRequest
from trimtab.prompts.canonical import content_hash as prompt_hash
from trimtab.prompts.canonical import normal as prompt_normal
from trimtab.prompts.types import Bundle, Message, Source, Variable
from trimtab.prompts.types import Content as PromptContent
from trimtab.releases.canonical import content_hash, normal
from trimtab.releases.freeze import REFUSED, Gateway, Routed, freeze
from trimtab.releases.freeze import draft as drafted
from trimtab.releases.types import (
    AppSpec,
    Content,
    CorpusVersion,
    Json,
    Knowledge,
    Pinned,
    PinnedGuard,
    PinnedKnowledge,
)

TOOL: Json = {"type": "function", "function": {"name": "look"}}


def expand(app: str, route: str | Json) -> Routed:
    if route == "nobody":
        raise InvalidRequest(f"{app}: there is no 'nobody'", fix="Make it.")
    return Routed(tree=route, models={"fast": Pinned(provider="lab", upstream="up")}, affinity={"session": True})


def check(content: Content) -> None:
    if "impossible" in content.parameters:
        raise InvalidRequest("No call could be made with it.", fix="Take it out.")


GATEWAY = Gateway(
    tree=lambda route: route, expand=expand, context=lambda value: value, cache=lambda value: value, check=check
)


def source(name: str = "support", **more: Any) -> Source:
    content = prompt_normal(PromptContent(messages=(Message(role="system", text="Hi"),), **more))
    return Source(name=name, version=2, hash=prompt_hash(content), content=content)


def frozen(spec: AppSpec, prompt: Source | None = None, **includes: Source) -> Content:
    bundle = None if prompt is None else Bundle(prompt=prompt, includes=includes)
    return freeze("desk", structs.replace(spec, route=spec.route or "fast"), bundle, GATEWAY)


def test_the_drafts_fields_stand_over_the_prompts() -> None:
    prompt = source(
        parameters={"temperature": 0.2, "top_p": 0.9, "seed": 1}, tools=(TOOL,), output_schema={"type": "object"},
        policy={"limit": 50, "days": 14},
    )  # fmt: skip
    found = frozen(AppSpec(parameters={"temperature": 0.7, "seed": None}, policy={"limit": 10}), prompt)
    assert found.parameters == {"temperature": 0.7, "top_p": 0.9}, "a null leaves it to the provider"
    assert found.policy == {"limit": 10, "days": 14}
    assert (found.tools, found.output_schema) == ((TOOL,), {"type": "object"})
    assert (found.route, found.affinity) == ("fast", {"session": True})
    other = frozen(AppSpec(tools=(), output_schema={"type": "array"}), prompt)
    assert (other.tools, other.output_schema) == ((), {"type": "array"})


def test_a_parameter_stands_over_the_prompts_by_any_name_that_vendors_give_it() -> None:
    prompt = source(parameters={"max_tokens": 500, "stop": ["a"], "seed": 1})
    found = frozen(AppSpec(parameters={"max_completion_tokens": 800, "stop_sequences": None}), prompt)
    assert found.parameters == {"max_completion_tokens": 800, "seed": 1}


def test_a_frozen_content_is_in_normal_form_and_keeps_the_prompt_as_it_is() -> None:
    prompt = source(parameters={"b": 1, "a": 2})
    found = frozen(AppSpec(metadata={"z": 1.0, "a": 1}), prompt)
    assert found == normal(found)
    assert found.prompt is not None
    assert found.prompt.prompt == prompt
    assert content_hash(found) == content_hash(frozen(AppSpec(metadata={"a": 1, "z": 1}), prompt))


def test_variables_are_those_of_the_prompt_and_of_what_it_includes() -> None:
    prompt = source(variables={"tone": Variable(enum=("kind", "formal"), default="kind")})
    inner = source("inner", variables={"count": Variable(type="integer")})
    found = frozen(AppSpec(variables={"tone": "formal", "count": 3.0}), prompt, inner=inner)
    assert found.variables == {"count": 3, "tone": "formal"}
    for variables, words in (
        ({"tnoe": "kind"}, "no variable 'tnoe'"), ({"tone": "rude"}, "no value of the variable 'tone'"),
        ({"count": "3"}, "is of type integer"),
    ):  # fmt: skip
        with pytest.raises(InvalidRequest, match=words) as refused:
            frozen(AppSpec(variables=variables), prompt, inner=inner)
        assert (refused.value.param or "").startswith("variables.")
    with pytest.raises(InvalidRequest, match="has no prompt"):
        frozen(AppSpec(variables={"tone": "kind"}))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_no_parameter_is_refused_in_the_draft_and_in_the_prompt(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"'{name}' is no parameter"):
        drafted(AppSpec(parameters={name: 1}), GATEWAY)
    with pytest.raises(InvalidRequest, match="the prompt 'support' has it"):
        frozen(AppSpec(), source(parameters={name: 1}))


CORPORA = {"handbook": CorpusVersion(number=7, digest="sha256:a"), "law": CorpusVersion(number=2, digest="sha256:b")}


def test_knowledge_is_frozen_at_a_version_unless_the_app_follows_its_corpus() -> None:
    use = Knowledge(corpus="law", follow=True, top=2, on_failure="answer_without")
    found = freeze("desk", AppSpec(route="fast", knowledge=("handbook", use)), None, GATEWAY, corpora=CORPORA)
    assert found.knowledge == (
        PinnedKnowledge(corpus="handbook", version=7, digest="sha256:a"),
        PinnedKnowledge(corpus="law", version=0, digest="", top=2, on_failure="answer_without"),
    )
    kept = msgspec.json.decode(msgspec.json.encode(found))["knowledge"]
    assert {*kept[0]} == {*PinnedKnowledge.__struct_fields__}, "no later default changes what was released"
    with pytest.raises(InvalidRequest, match="names the corpus 'absent', which this project has not") as refused:
        freeze("desk", AppSpec(route="fast", knowledge=("absent",)), None, GATEWAY, corpora=CORPORA)
    assert refused.value.code == "corpus_missing"
    assert "trimtab knowledge add absent" in refused.value.fix


@pytest.mark.parametrize(
    ("knowledge", "words"),
    [
        (("No Name",), "names no corpus"),
        (("law@3",), "names no corpus"),
        (("law", Knowledge(corpus="law", top=2)), "named twice"),
        ((Knowledge(corpus="law", version=2, follow=True),), "a version is named, and it is to be followed"),
        ((Knowledge(corpus="law", query="{{ topic }}"),), "asks for 'topic', which there is not"),
        ((Knowledge(corpus="law", query="parcels"),), "does not say 'question'"),
        ((Knowledge(corpus="law", query="{{ question"),), "cannot be read"),
        ((Knowledge(corpus="law", query="{{ question }}" + "x" * 4000),), "at most 4,000 characters"),
    ],
)
def test_knowledge_that_says_nothing_sensible_is_refused_in_the_draft(knowledge: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        drafted(AppSpec(knowledge=knowledge), GATEWAY)


def test_guards_are_frozen_as_they_are_and_missing_ones_are_named() -> None:
    spec = AppSpec(route="fast", guards=("pii@2", "secrets"))
    known = {
        "pii@2": PinnedGuard(name="pii", version=2, spec={"kind": "pii", "action": "redact"}),
        "secrets": PinnedGuard(name="secrets", version=5, spec={"kind": "secrets"}),
    }
    made = freeze("support", spec, None, GATEWAY, known)
    assert [(each.name, each.version) for each in made.guards] == [("pii", 2), ("secrets", 5)]
    other = freeze("support", spec, None, GATEWAY, {**known, "secrets": known["pii@2"]})
    assert content_hash(made) != content_hash(other)
    with pytest.raises(InvalidRequest, match="names the guard 'secrets', which this project has not") as refused:
        freeze("support", spec, None, GATEWAY, {"pii@2": known["pii@2"]})
    assert refused.value.code == "guard_missing"
    for wrong in (("p i i",), ("pii@0",), ("pii", "pii@2")):
        with pytest.raises(InvalidRequest):
            drafted(AppSpec(guards=wrong), GATEWAY)


def test_a_draft_may_be_unfinished_and_a_release_may_not() -> None:
    assert drafted(AppSpec(), GATEWAY) == AppSpec()
    assert drafted(AppSpec(), GATEWAY).tools is UNSET
    with pytest.raises(InvalidRequest, match="has no route"):
        freeze("desk", AppSpec(), None, GATEWAY)
    with pytest.raises(InvalidRequest, match="No call could be made"):
        frozen(AppSpec(), source(parameters={"impossible": 1}))
    with pytest.raises(InvalidRequest, match="no 'nobody'"):
        frozen(AppSpec(route="nobody"))
    with pytest.raises(InvalidRequest, match="names no prompt"):
        drafted(AppSpec(prompt="a b"), GATEWAY)
