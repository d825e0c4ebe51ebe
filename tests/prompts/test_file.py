"""A prompt is a file and an object with one hash."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from strategies import CONTENTS

from trimtab.prompts import canonical, file
from trimtab.prompts.types import Content, Message, PromptError, PromptFile, Variable

SUPPORT = """---
name: support
folder: desk/eu
variables:
  customer: {type: string, examples: [Ada]}
  tone: {default: friendly, enum: [friendly, formal]}
  history: {type: messages, default: []}
  since: string
parameters: {temperature: 0.2, top_k: 1.0}
policy: {refund_limit: 50, on: 2024-01-01, clock: 1:30, code: 010}
---
@system
Be {{ tone }}.

\\@user
is how a role is written.

@messages history

@user
I am {{ customer }}, a customer since {{ since }}.
"""


@settings(max_examples=60, deadline=None)
@given(CONTENTS)
def test_a_content_keeps_its_hash_through_a_file_and_through_json(content: Content) -> None:
    normal = canonical.normal(content)
    digest = canonical.content_hash(normal)
    text = file.write(PromptFile(name="a", content=normal))
    read = file.read(text)
    assert canonical.content_hash(read.content) == digest
    assert file.write(read) == text
    assert canonical.content_hash(canonical.normal(canonical.decode(canonical.canonical(normal)))) == digest


def test_a_file_is_read_as_people_mean_it() -> None:
    found = file.read(SUPPORT)
    assert (found.name, found.folder) == ("support", "desk/eu")
    assert [message.title for message in found.content.messages] == ["system", "messages history", "user"]
    assert found.content.messages[0].text == "Be {{ tone }}.\n\n@user\nis how a role is written."
    assert found.content.variables["since"] == Variable()
    assert found.content.variables["customer"].required
    assert not found.content.variables["tone"].required
    assert found.content.parameters == {"temperature": 0.2, "top_k": 1}
    assert found.content.policy == {"refund_limit": 50, "on": "2024-01-01", "clock": "1:30", "code": 10}
    assert SUPPORT.split("\n")[found.starts[0] - 1] == "Be {{ tone }}."


def test_a_role_line_in_a_text_survives_by_a_backslash() -> None:
    text = "@user\n\\@user\n\\\\@system  \n@messages x\n@nobody"
    content = canonical.normal(Content(messages=(Message(role="system", text=text),)))
    assert file.read(file.write(PromptFile(name="a", content=content))).content.messages == content.messages


def test_line_ends_and_the_order_of_variables_and_parameters_do_not_count_and_that_within_a_schema_does() -> None:
    def digest(text: str) -> str:
        return canonical.content_hash(file.read(text, "a").content)

    one = "---\nvariables: {a: string, b: string}\nparameters: {x: 1, y: 2.0}\n---\nhi\nthere\n"
    other = "---\nparameters: {y: 2, x: 1}\nvariables: {b: , a: }\n---\n\nhi\nthere\n\n"
    assert digest(one) == digest(one.replace("\n", "\r\n")) == digest(other)
    schema = "---\noutput_schema: {properties: {a: {}, b: {}}}\n---\nhi"
    assert digest(schema) != digest(schema.replace("a: {}, b: {}", "b: {}, a: {}"))
    assert digest("hi") != digest("hi!")


def test_the_hash_is_the_same_in_another_process_and_for_ever() -> None:
    """Written down: a change of it would make every version that is stored another one."""
    digest = canonical.content_hash(file.read(SUPPORT).content)
    code = "import sys; from trimtab.prompts import canonical, file; "
    code += "print(canonical.content_hash(file.read(sys.stdin.read()).content))"
    told = subprocess.check_output([sys.executable, "-c", code], input=SUPPORT, text=True).strip()
    assert told == digest
    assert digest == "sha256:5d66cc5287432b34440087b05f2f9217d146dfec6d7cd7b443a0cb8175cfc406"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("---\nname: a\nvariables: {x: {typ: string}}\n---\nhi", 3, "typ"),
        ("---\nname: a\nvariables:\n  x: {type: text}\n---\nhi", 4, "text"),
        ("---\nname: a\nname: b\n---\nhi", 3, "twice"),
        ("---\na: &x [1]\npolicy: *x\n---\nhi", 3, "References"),
        ("---\nname: [\n---\nhi", 2, "YAML"),
        ("---\nname: a\nhi", 1, "no end"),
        ("---\nname: a\n---\nloose\n@user\nhi", 4, "before the first role"),
        ("---\nvariables: {h: messages}\n---\n@messages h\n\nloose\n@user\nhi", 6, "below '@messages'"),
        ("---\nx: !!python/object/apply:os.system [ls]\n---\nhi", 2, "YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(PromptError) as told:
        file.read(text, "a")
    assert told.value.line == line
    assert words in told.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---\nname: A b\n---\nhi",
        "@system\n\n@user\nhi",
        "@messages history\n",
        "---\nvariables: {if: string}\n---\nhi",
        "---\nvariables: {policy: string}\n---\nhi",
        "---\nvariables: {x: {type: integer, default: a}}\n---\nhi",
        "---\nvariables: {x: {default: a, enum: [b]}}\n---\nhi",
        "---\nparameters: {x: .nan}\n---\nhi",
        "---\nfolder: ../etc\n---\nhi",
        "---\npolicy: {a: !!timestamp 'x'}\n---\nhi",
        "---\npolicy: {a: !!bool 'x'}\n---\nhi",
        "---\npolicy: " + "[" * 3000 + "\n---\nhi",
        "---\npolicy: {a: " + "[" * 60 + "]" * 60 + "}\n---\nhi",
        "x" * 600_000,
        "a\0b",
    ],
)
def test_what_is_no_prompt_is_refused_as_such(text: str) -> None:
    with pytest.raises(PromptError):
        file.read(text, "a")
