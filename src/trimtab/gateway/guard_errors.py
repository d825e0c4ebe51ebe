"""What a provider says when it refuses or fails, as the client may have it: guards of answers look at it, too."""

from typing import Final

from msgspec.structs import replace

from trimtab.core.errors import TrimtabError, UpstreamFailure, UpstreamRejected
from trimtab.gateway.call import Call
from trimtab.gateway.guarded import Guards
from trimtab.guard.run import Ran
from trimtab.guard.standing_in import StandIns
from trimtab.guard.types import Piece

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
        pieces = tuple(
            Piece(stage="output", text=text, role="assistant", place=str(at)) for at, text in enumerate(texts)
        )
        ran = await guards.runner.run(chain, replace(guards.of_answer(), pieces=pieces), guards.tools, "output")
        guards.verdicts += ran.verdicts
        _told(call, error, ran)
        if error.message != said:
            _recorded(call, said, error.message)


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
            call.attempts[at] = replace(attempt, fault=replace(attempt.fault, message=message[:2000]), response=b"")
    call.decision = [
        replace(line, reason=line.reason.replace(said, told)) if said in line.reason else line for line in call.decision
    ]
