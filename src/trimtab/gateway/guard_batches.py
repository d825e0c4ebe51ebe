"""Guards and what passes by unseen, the lines of a batch and answers that their provider has kept: a guard that would
have to look at them and fails closed lets none be made, or read."""

from collections.abc import Iterable, Sequence

from trimtab.core.errors import Forbidden, InvalidRequest
from trimtab.gateway.call import Call
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.route import Target
from trimtab.gateway.targets import ProjectTargets
from trimtab.guard.spec import Chain, means
from trimtab.guard.types import GuardSpec, Stage
from trimtab.llm.dialects.openai_responses.hot import in_background

_ANSWERS: frozenset[Stage] = frozenset(("output", "tool_arguments"))
MOST_NAMED = 3
RESPONSES = "openai_responses"


def check_batch(guards: ProjectGuards, called: str, target: Target, targets: ProjectTargets) -> None:
    """Raises `Forbidden` where a guard that may act on calls of one of the provider's models would be gone round.
    Which models a batch asks is in its file, so each that its provider has may be meant."""
    if passed := _gone_round(guards, called, target, targets):
        raise Forbidden(
            f"Guards ({passed}) look at calls of {target.provider.name!r}, and nobody looks at a batch's lines.",
            fix="Send the lines as calls; or declare these guards to fail open ('on_failure: open').",
            code="guard_unsupported",
        )


def check_requests(guards: ProjectGuards, called: dict[str, str]) -> None:
    """The same of a batch that says itself which models it asks: ``called`` has the names, and how each is called as
    well (`guard_carried.also_called`)."""
    if passed := _of_called(guards, called, frozenset()):
        raise Forbidden(
            f"Guards ({passed}) look at calls of what this batch asks, and nobody looks at its requests.",
            fix="Send them as calls; or declare these guards to fail open ('on_failure: open').",
            code="guard_unsupported",
        )


def check_made_by(guards: ProjectGuards, called: dict[str, str]) -> None:
    """The same of the answers of such a batch, which guards that came since then would have to look at."""
    if passed := _of_called(guards, called, _ANSWERS):
        raise Forbidden(
            f"Guards ({passed}) look at answers of what this batch asked, and nobody looks at its results.",
            fix="Declare these guards to fail open ('on_failure: open').",
            code="guard_unsupported",
        )


def _of_called(guards: ProjectGuards, called: dict[str, str], stages: frozenset[Stage]) -> str:
    chains = [guards.chain(name, (), also) for name, also in called.items()]
    every = (each for chain in chains if chain is not None for each in (*chain.guards, *chain.broken))
    return ", ".join(sorted({each.name for each in every if _must_look(each.spec, stages)})[:MOST_NAMED])


def check_background(call: Call, chain: Chain) -> None:
    """Raises `InvalidRequest` where an answer would be made in the background that could not be read afterwards
    (`check_kept_by`): it would be paid all the same. A stream of it can be looked at while it is made."""
    if call.front.name != RESPONSES or call.head.stream or not in_background(call.body):
        return
    if names := of_answers(chain):
        raise InvalidRequest(
            f"Guards ({', '.join(names[:MOST_NAMED])}) look at the answers of {call.head.model[:80]!r}, and nobody "
            "looks at one that is made in the background: it could not be read.",
            fix="Call without 'background', or with 'stream'; or declare these guards to fail open "
            "('on_failure: open').",
            code="guard_unsupported",
            param="background",
        )


def check_spoken(call: Call, chain: Chain) -> None:
    """Raises `InvalidRequest` where an answer would be spoken whose words guards would have to look at: they come as
    sound and beside it, and neither is looked at."""
    if names := of_answers(chain):
        raise InvalidRequest(
            f"Guards ({', '.join(names[:MOST_NAMED])}) look at the answers of {call.head.model[:80]!r}, and nobody "
            "looks at one that is spoken.",
            fix="Ask for text ('modalities': [\"text\"]) and have it spoken afterwards (/v1/audio/speech); or declare "
            "these guards to fail open ('on_failure: open').",
            code="guard_unsupported",
            param="modalities",
        )


def check_made(guards: ProjectGuards, asked: str) -> None:
    """`check_kept_answer` where it is known by which name the answer was called for: guards that came since then."""
    passed = {
        each.name for each in guards.always if _must_look(each.spec, _ANSWERS) and means(each.spec.applies_to, asked)
    }
    if passed:
        raise _unread(", ".join(sorted(passed)[:MOST_NAMED]), asked)


def check_kept_answer(guards: ProjectGuards, called: str, target: Target, targets: ProjectTargets) -> None:
    """The same of an answer that is read where its provider keeps it, and of guards that look at answers."""
    if passed := _gone_round(guards, called, target, targets, _ANSWERS):
        raise _unread(passed, target.provider.name)


def check_kept_by(guards: Sequence[str], provider: str) -> None:
    """The same where it is noted which of them looked at the call that made it (`of_answers`)."""
    if guards:
        raise _unread(", ".join(guards[:MOST_NAMED]), provider)


def of_answers(chain: Chain) -> tuple[str, ...]:
    """The names of those of a call's guards that would have to look at its answer wherever that is read, also guards of
    its release, and those of the app or route that was called."""
    return tuple(sorted({each.name for each in (*chain.guards, *chain.broken) if _must_look(each.spec, _ANSWERS)}))


def _unread(passed: str, provider: str) -> Forbidden:
    return Forbidden(
        f"Guards ({passed}) look at calls of {provider!r}, and nobody looks at an answer that its provider has kept.",
        fix="Call without 'background', and keep the answer; or declare these guards to fail open "
        "('on_failure: open').",
        code="guard_unsupported",
    )


def _gone_round(
    guards: ProjectGuards, called: str, target: Target, targets: ProjectTargets, stages: frozenset[Stage] = frozenset()
) -> str:
    """The names of some of them; of those that look at one of ``stages``, where there are any."""
    provider = target.provider.name
    names = [called, f"{provider}/", *(each.name for each in targets.models.values() if each.provider == provider)]
    passed = {
        each.name for each in guards.always if _must_look(each.spec, stages) and _any(each.spec.applies_to, names)
    }
    return ", ".join(sorted(passed)[:MOST_NAMED])


def _must_look(spec: GuardSpec, stages: frozenset[Stage]) -> bool:
    """Whether it may act, and lets nothing pass that it has not looked at."""
    acts = spec.mode == "enforce" and (spec.action != "flag" or spec.unread == "block")
    return spec.on_failure == "closed" and acts and not (stages and spec.stages and stages.isdisjoint(spec.stages))


def _any(patterns: tuple[str, ...], names: Iterable[str]) -> bool:
    """Also where a pattern means one model of a provider's, as ``openai/gpt-5``."""
    return any(means(patterns, name) or any(each.startswith(name) for each in patterns if name.endswith("/"))
               for name in names)  # fmt: skip
