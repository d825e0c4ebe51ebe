"""Prompts of Langfuse, prompty and dotprompt say in our form what they said in theirs."""

import json
from typing import Any

import pytest

from trimtab.core.errors import NotFound
from trimtab.prompts import file
from trimtab.prompts.canonical import content_hash
from trimtab.prompts.check import gather
from trimtab.prompts.foreign import read
from trimtab.prompts.foreign._shared import Converted
from trimtab.prompts.render import Compiled
from trimtab.prompts.types import PromptError, Reference, Source


def said(found: Converted, **values: Any) -> list[tuple[str, str]]:
    """What it renders to, once more through our file form."""
    again = file.read(file.write(found.prompt))
    assert content_hash(again.content) == content_hash(found.prompt.content)

    def nobody(reference: Reference) -> Source:
        raise NotFound(str(reference))

    source = Source(name=again.name, version=0, hash="", content=again.content)
    messages = Compiled(gather(source, nobody)).render(values).messages
    return [(message["role"], message["content"]) for message in messages]


def test_langfuse_text_with_what_looks_like_a_template_and_is_none() -> None:
    prompt = 'As a {{criticLevel}} critic: {% if %} {# #} {{{ movie }}} {"a": {"b": {}}} {{ not a name }}'
    text = json.dumps(
        {"name": "Movie Critic", "type": "text", "prompt": prompt, "version": 3, "labels": ["production"],
         "config": {"model": "gpt-4o", "temperature": 0.5, "languages": ["en"], "json_schema": {"type": "object"}}}
    )  # fmt: skip
    found = read("langfuse", text, "file")
    assert found.prompt.name == "movie-critic"
    wanted = 'As a harsh critic: {% if %} {# #} {Dune} {"a": {"b": {}}} {{ not a name }}'
    assert said(found, criticLevel="harsh", movie="Dune") == [("user", wanted)]
    assert found.prompt.content.parameters == {"model": "gpt-4o", "temperature": 0.5}
    assert found.prompt.content.output_schema == {"type": "object"}
    assert found.prompt.content.metadata["langfuse"]["config"] == {"languages": ["en"]}
    assert found.notes


def test_langfuse_chat_with_a_place_for_messages_and_another_prompt() -> None:
    messages = [
        {"role": "system", "content": "You are {{who}}. @@@langfusePrompt:name=House Style|label=production@@@"},
        {"type": "placeholder", "name": "history"},
        {"role": "human", "content": "hi"},
    ]
    found = read("langfuse", json.dumps({"type": "chat", "prompt": messages}), "chat")
    assert [message.title for message in found.prompt.content.messages] == ["system", "messages history", "user"]
    assert '{% include "house-style@production" %}' in found.prompt.content.messages[0].text
    assert any("house-style" in note for note in found.notes)


def test_prompty_of_both_versions() -> None:
    one = (
        "---\nname: Basic Prompt\ndescription: d\nmodel:\n  api: chat\n  configuration: {type: azure_openai, "
        "azure_deployment: gpt-4o}\n  parameters: {max_tokens: 128}\ninputs:\n  question: {type: string}\n"
        "sample:\n  question: Who?\n---\nsystem:\nYou help.\n{% if hint %}{{ hint }}{% endif %}\n\n"
        "user:\n{{question}}\n"
    )
    found = read("prompty", one, "basic")
    assert (found.prompt.name, found.prompt.content.description) == ("basic-prompt", "d")
    assert found.prompt.content.variables["question"].examples == ("Who?",)
    assert found.prompt.content.parameters == {"max_tokens": 128, "model": "gpt-4o"}
    assert said(found, question="Why?", hint="short") == [("system", "You help.\nshort"), ("user", "Why?")]
    two = (
        "---\nname: greeting\nmodel: {id: gpt-4o-mini, options: {temperature: 1}}\ninputs:\n  - {name: name, "
        "kind: string, default: World}\n  - {name: age, kind: integer, required: false}\n---\nsystem:\nFriendly.\n\n"
        "user:\nHello {{name}}.\n"
    )
    found = read("prompty", two, "greeting")
    assert said(found) == [("system", "Friendly."), ("user", "Hello World.")]
    assert not found.prompt.content.variables["age"].required


DOT = """---
model: googleai/gemini-1.5-flash
config:
  temperature: 0.9
input:
  schema:
    location: string
    style?: string, how to speak
    items(array, things): {label: string}
    mood(enum): [good, bad]
  default:
    location: a restaurant
output:
  schema:
    greeting: string, the greeting
    level?: number
---
{{role "system"}}
At {{location}}.{{! a comment }}
{{#if style}}In {{style}}.{{else}}Plainly.{{/if}}{{#unless style}}!{{/unless}}
{{#if style}}
never
{{/if}}
{{#each items}}{{@index}} {{label}} {{this.label}}{{#if @last}}.{{else}};{{/if}}{{/each}}
{{history}}
{{role "user"}}
{{#ifEquals mood "good"}}Hurray {{json items}}{{/ifEquals}}
"""


def test_dotprompt() -> None:
    found = read("dotprompt", DOT, "greet")
    content = found.prompt.content
    assert content.variables["style"].default is None
    assert content.variables["mood"].enum == ("good", "bad")
    assert content.variables["items"].type == "array"
    assert content.parameters == {"model": "googleai/gemini-1.5-flash", "temperature": 0.9}
    assert content.output_schema == {
        "type": "object",
        "properties": {"greeting": {"type": "string", "description": "the greeting"}, "level": {"type": "number"}},
        "required": ["greeting"],
        "additionalProperties": False,
    }
    items = [{"label": "a"}, {"label": "b"}]
    assert said(found, items=items, mood="good") == [
        ("system", "At a restaurant.\nPlainly.!\n0 a a;1 b b."),
        ("user", 'Hurray [{"label": "a"}, {"label": "b"}]'),
    ]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("langfuse", "{"), ("langfuse", "[]"), ("langfuse", '{"prompt": [{"role": "user", "content": [1]}]}'),
        ("langfuse", '{"prompt": 3}'), ("langfuse", "[" * 100_000), ("prompty", "---\nname: [\n---\nx"),
        ("prompty", "---\ntemplate: mustache\n---\nuser:\n{{#a}}x{{/a}}"), ("prompty", ""),
        ("dotprompt", "{{#lookup a b}}{{/lookup}}"), ("dotprompt", "{{#if a}}x"), ("dotprompt", "x{{/if}}"),
        ("dotprompt", "{{media url=photo}}"), ("dotprompt", '{{#if a}}{{role "user"}}x{{/if}}'), ("other", "x"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_refused_and_never_guessed(kind: str, text: str) -> None:
    with pytest.raises(PromptError):
        read(kind, text, "a")


@pytest.mark.parametrize(
    ("kind", "front"),
    [
        ("prompty", "inputs: {1: x}"),
        ("prompty", "template: {null: x}"),
        ("dotprompt", "input: {schema: {2.5: string}}"),
        ("dotprompt", "config: {a: 1, true: 2}"),
        ("dotprompt", "metadata: [{1: x}]"),
    ],
)
def test_a_key_that_is_no_text_is_refused_as_such(kind: str, front: str) -> None:
    with pytest.raises(PromptError, match="no text"):
        read(kind, f"---\n{front}\n---\nhi", "n")
