"""What a tool gave comes back to the model, which goes on from it."""

from trimtab.cli.conformance.checks._asking import WEATHER, asking, calls, must_hold, said
from trimtab.cli.conformance.suite import Bench, Check, Fails
from trimtab.llm.types import Message, Request, Text, ToolChoice, ToolResult

_QUESTION = "What is the weather in 'Oslo'? Use get_weather, then repeat its report word for word."


def _run(bench: Bench) -> str:
    first = bench.front.ask(asking(_QUESTION, tools=(WEATHER,), tool_choice=ToolChoice(mode="required")))
    found = calls(first)
    if not found:
        raise Fails("A call was demanded and there is none.")
    results = tuple(ToolResult(call.id, (Text("17 degrees, wind zephyr-42"),)) for call in found)
    messages = (
        said("user", _QUESTION),
        Message("assistant", first.response.parts),
        *(Message("tool", (result,)) for result in results),
    )
    last = bench.front.ask(Request(model="", messages=messages, tools=(WEATHER,), max_tokens=1024))
    if calls(last):
        raise Fails("With the result before it the model called the tool again instead of answering.")
    return must_hold(last, "zephyr-42", "The tool's result did not reach the model.")


PLUG = Check(title="a tool's result goes back and is used", run=_run)
