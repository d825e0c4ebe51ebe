"""What a team writes of a guard, checked; and the same ready to look.

GuardSpec --check--> GuardSpec --ready--> Ready --chain--> Chain
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest, TrimtabError
from trimtab.guard.guards import REGISTRY
from trimtab.guard.types import NAME, STAGES, Guard, GuardSpec, Stage

_NAME: Final = re.compile(NAME)
_CALLED: Final = re.compile(r"[^\s\0*]{1,199}\*?|\*")
_CLASS: Final = re.compile(r"(?:[a-z][a-z0-9_-]{0,31})?")
WORD: Final = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,63})?")


class Ready(Struct, frozen=True, kw_only=True):
    """A guard that can look. ``made`` is what its plug made of its options, ``detector`` the plug's own version."""

    name: str
    version: int
    spec: GuardSpec
    plug: Guard
    made: Any
    threshold: float
    stages: tuple[Stage, ...]
    detector: str

    @property
    def enforced(self) -> bool:
        return self.spec.mode == "enforce"

    @property
    def acts(self) -> bool:
        """Whether it may change what passes, now."""
        return self.enforced and self.spec.action in ("redact", "block", "escalate")


class Broken(Struct, frozen=True, kw_only=True):
    """A guard that cannot be made any more, and why: its failure mode decides."""

    name: str
    version: int
    spec: GuardSpec
    why: str


class Chain(Struct, frozen=True, kw_only=True):
    """Guards in the order in which they look; ``hash`` is of all that decides what they do."""

    guards: tuple[Ready, ...]
    hash: str
    broken: tuple[Broken, ...] = ()

    def at(self, *stages: Stage) -> tuple[Ready, ...]:
        return tuple(each for each in self.guards if any(stage in each.stages for stage in stages))


def check_name(name: str) -> None:
    """Raises `InvalidRequest`."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be a guard's name.",
            fix="Use up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.",
            param="name",
        )


def check(spec: GuardSpec) -> GuardSpec:
    """Itself. Raises `InvalidRequest` that names the field and the way out."""
    plug = plug_of(spec.kind)
    options_of(plug, spec)
    for stage in spec.stages:
        if stage not in plug.stages:
            raise _wrong(
                f"The guard {plug.name!r} does not look at {stage!r}.",
                f"It does at: {', '.join(plug.stages)}.",
                "stages",
            )
    if spec.action != "allow" and spec.action not in plug.actions:
        raise _wrong(
            f"The guard {plug.name!r} cannot {spec.action}.", f"Use one of: {', '.join(plug.actions)}.", "action"
        )
    if spec.action == "allow":
        raise _wrong("'allow' does nothing.", "Use mode 'off' to switch a guard off, or 'flag' to note it.", "action")
    if spec.action == "escalate" and not spec.queue:
        raise _wrong("'escalate' needs a review queue.", "Name one in 'queue': trimtab review queues", "queue")
    for field, value in (("queue", spec.queue), ("refusal", spec.refusal)):
        if not WORD.fullmatch(value):
            raise _wrong(f"{value[:80]!r} is no name.", "Use a-z, 0-9, '.', '_' and '-'.", field)
    for pattern in spec.applies_to:
        if not _CALLED.fullmatch(pattern):
            raise _wrong(
                f"{pattern[:80]!r} names nothing that is called.",
                "Name an app, a route or a model; '*' at its end stands for anything.",
                "applies_to",
            )
    if spec.budget is not None:
        _check_budget(spec, plug)
    if not _CLASS.fullmatch(spec.data_class):
        raise _wrong(
            f"{spec.data_class[:40]!r} is no data class.", "Name one of the project's, e.g. 'personal'.", "data_class"
        )
    if "\0" in spec.description:
        raise _wrong("A description holds no NUL.", "Leave it out.", "description")
    return spec


def _check_budget(spec: GuardSpec, plug: Guard) -> None:
    if plug.needs != "model":
        raise _wrong(f"The guard {plug.name!r} asks no model, so it costs nothing.", "Leave 'budget' out.", "budget")
    try:
        amount = Decimal(spec.budget or "")
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= 1_000_000:
        raise _wrong(f"{(spec.budget or '')[:40]!r} is no amount of a day.", "Write e.g. '2.50'.", "budget")


def plug_of(kind: str) -> Guard:
    """Raises `InvalidRequest`."""
    if kind not in REGISTRY.names():
        raise _wrong(f"There is no kind of guard {kind[:80]!r}.", f"There are: {', '.join(REGISTRY.names())}.", "kind")
    return REGISTRY.get(kind)


def options_of(plug: Guard, spec: GuardSpec) -> Any:
    """What the plug makes of the options. Raises `InvalidRequest`."""
    try:
        options = msgspec.convert(spec.options, plug.options)
    except msgspec.ValidationError as error:
        raise _wrong(
            f"The guard {plug.name} does not take these options: {error}",
            f"'trimtab guards kinds {plug.name}' shows them.",
            "options",
        ) from error
    return plug.made(options)


def ready(name: str, version: int, spec: GuardSpec) -> Ready:
    """Raises `InvalidRequest` where its kind is gone, or takes its options no more."""
    plug = plug_of(spec.kind)
    return Ready(
        name=name,
        version=version,
        spec=spec,
        plug=plug,
        made=options_of(plug, spec),
        threshold=plug.threshold if spec.threshold is None else spec.threshold,
        stages=tuple(stage for stage in STAGES if stage in (spec.stages or plug.stages) and stage in plug.stages),
        detector=plug.version,
    )


def ready_or_broken(name: str, version: int, spec: GuardSpec) -> Ready | Broken:
    """What was sound when it was written may not be any more; then what it guards is decided by its failure mode."""
    try:
        return ready(name, version, spec)
    except TrimtabError as error:
        return Broken(name=name, version=version, spec=spec, why=error.sentence())
    except Exception as error:  # noqa: BLE001 - a plug of somebody else's may fail in any way
        return Broken(name=name, version=version, spec=spec, why=f"{type(error).__name__}: {error}"[:300])


def chain(found: Iterable[Ready | Broken]) -> Chain | None:
    """Those that are not off, in order (then by name); of two of one name the first that is given. None for none."""
    kept: dict[str, Ready | Broken] = {}
    for each in found:
        if each.spec.mode != "off":
            kept.setdefault(each.name, each)
    if not kept:
        return None
    inorder = sorted(kept.values(), key=lambda each: (each.spec.order, each.name))
    told = [(each.name, each.version, digest(each.spec), getattr(each, "detector", "")) for each in inorder]
    return Chain(
        guards=tuple(each for each in inorder if isinstance(each, Ready)),
        broken=tuple(each for each in inorder if isinstance(each, Broken)),
        hash=hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32],
    )


def digest(spec: GuardSpec) -> str:
    """The same spec gives the same: ``sha256:`` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(msgspec.json.encode(spec, order='deterministic')).hexdigest()}"


def means(patterns: Sequence[str], called: str) -> bool:
    """Whether one of them stands for what is called: by its whole name, by an app's name whatever stands behind its
    ``@``, or by what stands before a ``*``."""
    plain = called.partition("@")[0]
    return any(called.startswith(each[:-1]) if each.endswith("*") else each in (called, plain) for each in patterns)


def _wrong(message: str, fix: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param=param, code="guard_invalid")
