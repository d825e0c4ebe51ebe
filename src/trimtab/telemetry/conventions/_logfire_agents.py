"""OpenAI's Agents as Logfire tells them (scope ``logfire.openai_agents``), which `pydantic_ai` reads.

Names: pydantic/logfire, logfire/_internal/integrations/openai_agents.py. What a span is stands in the template of its
message; calls of Responses have the whole answer in ``response``, those of Chat Completions ``input`` and ``output``.
Turns and tasks repeat in ``usage`` what their calls used.
"""

from typing import Final

from trimtab.telemetry.conventions._bodies import read_answer, read_used
from trimtab.telemetry.conventions._messages import messages_of, tools_of
from trimtab.telemetry.conventions._values import Attributes, Found, label, mapping, put, put_content, put_labels
from trimtab.telemetry.views import SpanKind

SCOPE: Final = "logfire.openai_agents"
_TEMPLATES: Final[tuple[tuple[str, SpanKind], ...]] = (
    ("Chat completion ", "llm"), ("Responses API", "llm"), ("Function: ", "tool"), ("Agent run: ", "agent"),
    ("Turn ", "workflow"), ("Task: ", "workflow"), ("OpenAI Agents trace: ", "workflow"), ("Guardrail ", "guardrail"),
)  # fmt: skip


def kind_of(attributes: Attributes) -> SpanKind | None:
    """By the template; None of handoffs, speech and what is to come."""
    template = attributes.get("logfire.msg_template")
    if type(template) is not str:
        return None
    return next((kind for start, kind in _TEMPLATES if template.startswith(start)), None)


def read(attributes: Attributes, found: Found) -> None:
    kind = found.get("kind")
    if attributes.get("group_id") != "null":  # as Logfire writes what an application left out
        put_labels(found, attributes, (("session", "group_id"),))
    if kind == "llm":
        _read_call(attributes, found)
    elif kind == "tool":
        put_labels(found, attributes, (("tool_name", "name"),))
        put_content(found, "input", attributes.get("input"))
        put_content(found, "output", attributes.get("output"))
    elif kind == "agent":
        put_labels(found, attributes, (("agent_name", "name"),))
    failed = mapping(attributes.get("error"))
    why = mapping(failed.get("data")).get("error")
    if type(why) is str and why:
        put(found, "error_message", f"{label(failed.get('message'))}: {why}")


def _read_call(attributes: Attributes, found: Found) -> None:
    answer = mapping(attributes.get("response"))
    if answer:
        read_answer(found, answer)
        put(found, "tools_offered", tools_of(answer.get("tools")))
        _read_asked(attributes, found)
    else:
        put(found, "input_messages", messages_of(attributes.get("input")))
        put(found, "output_messages", messages_of(attributes.get("output"), "assistant"))
    put_labels(found, attributes, (("response_id", "response_id"),))
    read_used(found, mapping(attributes.get("usage")))


def _read_asked(attributes: Attributes, found: Found) -> None:
    """``events`` are what was asked, and then what was answered, without a word between the two."""
    said = messages_of(attributes.get("events"))
    cut = len(said)
    while cut > 0 and said[cut - 1].role == "assistant":
        cut -= 1
    put(found, "input_messages", said[:cut])
