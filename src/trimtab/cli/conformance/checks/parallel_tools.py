"""Several tools in one answer, whole and streamed: calls keep apart, with ids of their own."""

from trimtab.cli.conformance.checks._asking import WEATHER, arguments, asking, calls
from trimtab.cli.conformance.client import Answer
from trimtab.cli.conformance.suite import Bench, CannotTell, Check, Fails
from trimtab.llm.types import ToolChoice

_CITIES = {"oslo", "lima"}


def _run(bench: Bench) -> str:
    request = asking(
        "Call get_weather for the cities 'Oslo' and 'Lima', both at once, in one answer.",
        tools=(WEATHER,),
        tool_choice=ToolChoice(mode="required"),
        parallel_tool_calls=True,
    )
    whole, streamed = bench.front.ask(request), bench.front.stream(request)
    _sound(whole, "Whole")
    _sound(streamed, "Streamed")
    if len(calls(whole)) < 2 or len(calls(streamed)) < 2:
        raise CannotTell("The model made one call at a time, although several were asked for; no answer had two.")
    return f"{len(calls(whole))} calls whole, {len(calls(streamed))} streamed, for {sorted(_CITIES)}"


def _sound(answer: Answer, how: str) -> None:
    found = calls(answer)
    if not found:
        raise Fails(f"{how}: a call was demanded and there is none.")
    if len({call.id for call in found}) != len(found):
        raise Fails(f"{how}: two calls have the same id: {[call.id for call in found]}.")
    cities = [str(arguments(call).get("city", "")).casefold() for call in found]
    wrong = [city for city in cities if not any(known in city for known in _CITIES)]
    if wrong or len(set(cities)) != len(cities):
        raise Fails(f"{how}: the calls should be for {sorted(_CITIES)} and are for {cities}.")


PLUG = Check(title="several tools are called in one answer", run=_run)
