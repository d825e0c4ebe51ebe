"""A tool that must be called is called, with arguments that fit its schema; whole and streamed."""

from trimtab.cli.conformance.checks._asking import WEATHER, arguments, asking, calls
from trimtab.cli.conformance.client import Answer
from trimtab.cli.conformance.suite import Bench, Check, Fails
from trimtab.llm.types import ToolChoice


def _run(bench: Bench) -> str:
    request = asking(
        "Call get_weather for the city 'Oslo'.",
        tools=(WEATHER,),
        tool_choice=ToolChoice(mode="tool", name=WEATHER.name),
    )
    whole = _called(bench.front.ask(request), "Whole")
    streamed = _called(bench.front.stream(request), "Streamed")
    return f"whole: {whole}; streamed: {streamed}"


def _called(answer: Answer, how: str) -> str:
    found = calls(answer)
    if len(found) != 1 or found[0].name != WEATHER.name:
        raise Fails(f"{how}: one call of get_weather was demanded; there are {[call.name for call in found]}.")
    if not found[0].id:
        raise Fails(f"{how}: the call has no id.")
    given = arguments(found[0])
    city = given.get("city")
    if not isinstance(city, str) or "oslo" not in city.casefold() or len(given) > 1:
        raise Fails(f"{how}: the arguments should be {{'city': 'Oslo'}} and are {given}.")
    # a call that was demanded by name ends with 'stop' at OpenAI, with 'tool_calls' elsewhere
    if answer.response.stop not in ("tool_calls", "stop"):
        raise Fails(f"{how}: it ended with {answer.response.stop!r}.")
    return f"get_weather({given})"


PLUG = Check(title="a demanded tool is called with sound arguments", run=_run)
