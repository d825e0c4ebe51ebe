"""What a provider says when it refuses or fails, as the client and the record may have it: guards of answers look at
it, too. What none of them has looked at, of an attempt that came to nothing, is not kept where one may act on answers.
"""

from typing import Final

from msgspec.structs import replace

from trimtab.core.errors import TrimtabError, UpstreamFailure, UpstreamRejected
from trimtab.gateway.call import Call
from trimtab.gateway.guarded import Guards
from trimtab.guard.run import Ran, taken_out
from trimtab.guard.standing_in import StandIns
from trimtab.guard.types import Piece, Stage
from trimtab.telemetry.records import Attempt, Fault

ANSWERED: Final[tuple[Stage, ...]] = ("output", "tool_arguments")
MOST_KEPT: Final = 2_000
"""Characters of a fault's words in a record (`call.fault_of`)."""
MOST_READ: Final = 20_000
"""Characters of a refusal that are read to keep it; a longer one is not kept."""
SAID_IN_A_STREAM: Final = "upstream_stream_error"
WITHHELD: Final = "The provider did not answer; what it said is withheld by a guard."


async def withhold(call: Call, guards: Guards, error: UpstreamFailure) -> None:
    """Take out of an error's words what guards would take out of an answer: all of them, where a guard would stop it.
    The call's record then has no more than the client gets."""
    if not (isinstance(error, UpstreamRejected) or error.code == SAID_IN_A_STREAM):
        return  # words of our own
    chain = guards.chain
    if chain.broken or chain.at("output"):
        detail = error.detail if isinstance(error, UpstreamRejected) else b""
        said = error.message
        texts = (said, detail.decode("utf-8", "replace"))
        pieces = tuple(_piece(text, at) for at, text in enumerate(texts))
        ran = await guards.runner.run(chain, replace(guards.of_answer(), pieces=pieces), guards.tools, "output")
        guards.verdicts += ran.verdicts
        _told(call, error, ran)
        guards.heard |= {error.message, error.sentence()[:MOST_KEPT]}
        if error.message != said:
            _recorded(call, said, error.message)


def over(call: Call, guards: Guards) -> None:
    """What attempts left that the client has nothing of, on its way into the record: a provider's words without what
    guards take out of them, and no answer that nobody looked at."""
    chain = guards.chain
    if call.front.operation != "chat" or not (chain.broken or any(each.acts for each in chain.at(*ANSWERED))):
        return
    said = [each.fault.message for each in call.attempts if each.fault is not None and _is_of_provider(each.fault)]
    answered = len(call.attempts) - 1 if call.outcome == "answer" else -1
    for at, attempt in enumerate(call.attempts):
        if at != answered:
            call.attempts[at] = _kept(attempt, guards)
    for at, line in enumerate(call.decision):
        code, _, words = line.reason.partition(": ")
        if words and any(each.startswith(words[: len(each)]) for each in said):
            call.decision[at] = replace(line, reason=f"{code}: {_words(words, guards)}")


def _is_of_provider(fault: Fault) -> bool:
    """Whether it is told in a provider's own words."""
    return fault.source == "provider" or fault.code == SAID_IN_A_STREAM


def _kept(attempt: Attempt, guards: Guards) -> Attempt:
    fault, response = attempt.fault, attempt.response
    if fault is not None and _is_of_provider(fault):
        fault = replace(fault, message=_words(fault.message, guards))
    if attempt.span_id not in guards.looked:
        said = response.decode("utf-8", "replace") if fault is not None and fault.source == "provider" else ""
        keep = said and len(said) <= MOST_READ and _words(said, guards) == said
        response = response if keep else b""
    return replace(attempt, fault=fault, response=response)


def _words(said: str, guards: Guards) -> str:
    """As guards leave them, which can be asked at once; withheld where one of them cannot."""
    if not said or said in guards.heard:
        return said
    made = taken_out(guards.chain, replace(guards.of_answer(), pieces=(_piece(said, 0),)), guards.tools)
    return WITHHELD if made is None else made


def _piece(text: str, at: int) -> Piece:
    return Piece(stage="output", text=text, role="assistant", place=str(at))


def put_back(guards: Guards, error: TrimtabError) -> None:
    """Stand-ins in an error's words become what they stand for: for the client alone, once the record is made."""
    if guards.originals:
        error.message = StandIns(guards.originals).restored(error.message)


def _told(call: Call, error: UpstreamFailure, ran: Ran) -> None:
    if ran.stopped is not None:
        call.extra_headers += b"trimtab-guard: %b\r\n" % ran.stopped.action.encode()
        error.message = WITHHELD
    else:
        error.message = ran.pieces[0].text
    if isinstance(error, UpstreamRejected) and (ran.stopped is not None or ran.swaps):
        error.detail = b""


def _recorded(call: Call, said: str, told: str) -> None:
    """The attempts that ended so keep nothing of the provider's own words."""
    for at, attempt in enumerate(call.attempts):
        if attempt.fault is not None and said[:1000] in attempt.fault.message:
            message = attempt.fault.message.replace(said, told) if said in attempt.fault.message else told
            call.attempts[at] = replace(
                attempt, fault=replace(attempt.fault, message=message[:MOST_KEPT]), response=b""
            )
    call.decision = [
        replace(line, reason=line.reason.replace(said, told)) if said in line.reason else line for line in call.decision
    ]
