"""Which whole answers are in doubt."""

import json
from typing import Any

import pytest

from trimtab.gateway.routing.doubt import doubt_of
from trimtab.gateway.routing.types import Escalate
from trimtab.llm.dialects import DIALECTS

ALL = Escalate(cheap="a", strong="b", doubts=("refusal", "unsure", "empty", "length", "logprob"))


def doubt(node: Escalate = ALL, *, bounded: bool = False, **choice: Any) -> str:
    message = {"role": "assistant", "content": choice.pop("content", None), **choice.pop("message", {})}
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": message, **choice}]}
    return doubt_of(node, DIALECTS.get("openai_chat"), json.dumps(body).encode(), bounded=bounded)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Paris is the capital of France.", ""),
        ("I'm sorry, but I can't help with that.", "the model refused"),
        ("I cannot assist with this request.", "the model refused"),
        ("Ich kann dir dabei leider nicht helfen.", "the model refused"),
        ("I don't know the answer to that.", "the model said that it does not know"),
        ("I’m not sure, but it may be 7.", "the model said that it does not know"),
        ("I do not have access to your order.", "the model said that it does not know"),
        ("", "the answer is empty"),
        ("  \n ", "the answer is empty"),
        ("Here is what he wrote: " + "x" * 300 + " I don't know", ""),
        ("I don't know if you saw it, but here it is in full. " + "x " * 400, ""),
    ],
)
def test_an_answer_is_doubted_by_how_it_begins(content: str, expected: str) -> None:
    assert doubt(content=content) == expected


def test_a_refusal_said_by_the_dialect_itself_is_one() -> None:
    assert doubt(message={"refusal": "No."}) == "the model refused"
    assert doubt(content="Well", finish_reason="content_filter") == "the model refused"


def test_an_answer_cut_off_is_doubted_unless_the_client_bound_it() -> None:
    assert doubt(content="It is", finish_reason="length") == "the answer was cut off by its length"
    assert doubt(content="It is", finish_reason="length", bounded=True) == ""


def test_tool_calls_say_what_they_want() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert doubt(message={"tool_calls": [call]}, finish_reason="tool_calls") == ""


def test_log_probabilities_count_where_they_are_given() -> None:
    sure = {"content": [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -0.3}]}
    unsure = {"content": [{"token": "a", "logprob": -2.5}, {"token": "b", "logprob": -1.5}]}
    assert doubt(content="It is 4.", logprobs=sure) == ""
    assert doubt(content="It is 4.", logprobs=unsure) == "its mean log probability per token is -2.00, below -1"
    assert doubt(content="It is 4.", logprobs={"content": "strange", "logprob": 1}) == ""


def test_only_the_named_doubts_are_looked_for() -> None:
    lenient = Escalate(cheap="a", strong="b", doubts=("empty",))
    assert doubt(lenient, content="I don't know.") == ""
    assert doubt(lenient, content="") == "the answer is empty"


def test_what_cannot_be_read_is_not_doubted() -> None:
    assert doubt_of(ALL, DIALECTS.get("openai_chat"), b"not json", bounded=False) == ""
