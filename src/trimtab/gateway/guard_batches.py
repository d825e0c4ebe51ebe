"""Guards and what passes by unseen, the lines of a batch and answers that their provider has kept: a guard that would
have to look at them and fails closed lets none be made, or read."""

from collections.abc import Iterable

from trimtab.core.errors import Forbidden
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.route import Target
from trimtab.gateway.targets import ProjectTargets
from trimtab.guard.spec import means
from trimtab.guard.types import Stage

_ANSWERS: frozenset[Stage] = frozenset(("output", "tool_arguments"))


def check_batch(guards: ProjectGuards, called: str, target: Target, targets: ProjectTargets) -> None:
    """Raises `Forbidden` where a guard that may act on calls of one of the provider's models would be gone round.
    Which models a batch asks is in its file, so each that its provider has may be meant."""
    if passed := _gone_round(guards, called, target, targets):
        raise Forbidden(
            f"Guards ({passed}) look at calls of {target.provider.name!r}, and nobody looks at a batch's lines.",
            fix="Send the lines as calls; or declare these guards to fail open ('on_failure: open').",
            code="guard_unsupported",
        )


def check_kept_answer(guards: ProjectGuards, called: str, target: Target, targets: ProjectTargets) -> None:
    """The same of an answer that is read where its provider keeps it, and of guards that look at answers."""
    if passed := _gone_round(guards, called, target, targets, _ANSWERS):
        raise Forbidden(
            f"Guards ({passed}) look at calls of {target.provider.name!r}, and nobody looks at an answer that its "
            "provider has kept.",
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
    passed = sorted({each.name for each in guards.always if each.spec.on_failure == "closed" and
                     each.spec.mode == "enforce" and (each.spec.action != "flag" or each.spec.unread == "block") and
                     not (stages and each.spec.stages and stages.isdisjoint(each.spec.stages)) and
                     _any(each.spec.applies_to, names)})  # fmt: skip
    return ", ".join(passed[:3])


def _any(patterns: tuple[str, ...], names: Iterable[str]) -> bool:
    """Also where a pattern means one model of a provider's, as ``openai/gpt-5``."""
    return any(means(patterns, name) or any(each.startswith(name) for each in patterns if name.endswith("/"))
               for name in names)  # fmt: skip
