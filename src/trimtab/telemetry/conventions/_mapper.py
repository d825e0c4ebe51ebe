"""Who reads a foreign span: decided once for all spans with the same names, and then each asked in turn."""

import re
from collections.abc import Collection
from typing import Any, Final

from trimtab.llm.types import MOST_TOKENS, Usage
from trimtab.telemetry.canonical import COUNTED, CanonicalSpan, Document
from trimtab.telemetry.conventions._common import Common, of_resource
from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import Found
from trimtab.telemetry.foreign.spans import CONTENT_MARK, Attributes, ForeignSpan

CORE_VERSION = 6
"""Version of what all conventions share: it is part of every span's mapper version."""
_FAMILY: Final = re.compile("[.:]")
_NAMES = 8192
"""Names of attributes whose family is remembered."""
_NAME = 256
"""A longer name is not remembered."""
_SHAPES = 2048
"""Sets of names that are remembered."""
_SAID: Final = ("input", "output", "input_messages", "output_messages", "tools_offered", "documents")
_BUCKETS: Final = ("input", "cache_read", "cache_write", "output", "reasoning")
_PLANS = 4
"""Plans of one set of names: which families its events are of may add to them."""
_SHAPE_NAMES, _SHAPE_TEXT = 96, 4096
"""A larger set, in names or in their characters, is not remembered: long conversations have no two alike."""


class Plan:
    """Which conventions read a span, in which order. ``name`` is what is noted as its convention."""

    __slots__ = ("by_kind", "common", "name", "readers", "silent", "version")

    def __init__(
        self, own: Convention | None, speakers: list[Convention], names: Collection[str], families: Collection[str]
    ) -> None:
        rest = sorted((each for each in speakers if each is not own), key=lambda each: each.column)
        readers = [own, *rest] if own is not None else rest
        self.readers = tuple(each.read if each.fit is None else each.fit(names) for each in readers)
        self.by_kind = tuple(each.kind for each in sorted(speakers, key=lambda each: each.kinds))
        self.common = Common(names, families)
        self.name = own.name if own is not None else "otel"
        self.version = mapper_version(own)
        self.silent = CONTENT_MARK in names


class Shape:
    """What follows from a span's scope and the names of its attributes alone."""

    __slots__ = ("bits", "names", "plans")

    def __init__(self, bits: int, names: tuple[str, ...]) -> None:
        self.bits = bits
        self.names = names
        self.plans: dict[int, Plan] = {}


def mapper_version(convention: Convention | None) -> int:
    """The number that is stored with a span of that convention: it grows when either half of its mapper changes."""
    return CORE_VERSION * 1000 + (convention.version if convention is not None else 0)


class Mapper:
    """Pure, but for what it remembers of names, which is bounded. One pass over the names decides who reads, and that
    once for all spans with the same names."""

    def __init__(self, conventions: dict[str, Convention]) -> None:
        self._plugs = tuple(sorted(conventions.values(), key=lambda each: (each.own, each.name)))
        shift = len(self._plugs)
        self._families: dict[str, int] = {}
        for at, plug in enumerate(self._plugs):
            for family in plug.families:
                self._families[family] = self._families.get(family, 0) | (1 << at) | (1 << (at + shift))
            for family in plug.also:
                self._families[family] = self._families.get(family, 0) | (1 << at)
        self._shift = shift
        self._names: dict[str, int] = {}
        self._scopes: dict[str, int] = {}
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._emitter: tuple[Attributes | None, tuple[tuple[str, str], ...]] = (None, ())
        """The last resource, and what it says; together, because two threads may ask."""

    def __call__(self, span: ForeignSpan) -> CanonicalSpan:
        """Never raises for what a span says; what makes no sense is left out."""
        plan = self._plan(span)
        found: Found = {"convention": plan.name, "mapper_version": plan.version}
        for kind_of in plan.by_kind:
            kind = kind_of(span)
            if kind is not None:
                found["kind"] = kind
                break
        for read in plan.readers:
            read(span, found)
        emitter = self._emitter
        if span.resource is not emitter[0]:  # all spans of a batch share theirs
            emitter = self._emitter = (span.resource, of_resource(span.resource))
        plan.common(span, found, emitter[1])
        _settle(found)
        if plan.silent:
            _silence(found)
        return CanonicalSpan(**found)

    def _plan(self, span: ForeignSpan) -> Plan:
        key = (span.scope_name, *span.attributes)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._learn_shape(key)
        bits = shape.bits
        if span.events:
            for event in span.events:
                seen = self._names.get(event.name, -1)
                bits |= seen if seen >= 0 else self._learn(event.name)
        plan = shape.plans.get(bits)
        if plan is None:
            plan = self._make(bits, shape.names)
            if len(shape.plans) < _PLANS:
                shape.plans[bits] = plan
        return plan

    def _learn_shape(self, key: tuple[str, ...]) -> Shape:
        scope, *names = key
        bits = self._scopes.get(scope, -1)
        if bits < 0:
            bits = self._learn_scope(scope)
        for name in names:
            seen = self._names.get(name, -1)
            bits |= seen if seen >= 0 else self._learn(name)
        shape = Shape(bits, tuple(names))
        if len(key) <= _SHAPE_NAMES and sum(map(len, key)) <= _SHAPE_TEXT:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            self._shapes[key] = shape
        return shape

    def _learn(self, name: str) -> int:
        bits = self._families.get(_FAMILY.split(name, 1)[0], 0)
        if len(self._names) < _NAMES and len(name) <= _NAME:
            self._names[name] = bits
        return bits

    def _learn_scope(self, scope: str) -> int:
        bits = 0
        for at, plug in enumerate(self._plugs):
            if scope and scope.startswith(plug.scopes):
                bits |= (1 << at) | (1 << (at + self._shift))
        if len(self._scopes) < _NAMES and len(scope) <= _NAME:
            self._scopes[scope] = bits
        return bits

    def _make(self, bits: int, names: Collection[str]) -> Plan:
        owners = [plug for at, plug in enumerate(self._plugs) if bits >> (at + self._shift) & 1]
        speakers = [plug for at, plug in enumerate(self._plugs) if bits >> at & 1]
        return Plan(owners[0] if owners else None, speakers, names, self._families)


def _settle(found: Found) -> None:
    """What can be said only when every convention was read."""
    kind = found["kind"]
    if kind in ("llm", "agent") and ("input" in found or "output" in found):
        for untyped, typed in (("input", "input_messages"), ("output", "output_messages")):
            value = found.get(untyped)
            if value is not None and typed not in found and looks_like_messages(value):
                messages = messages_of(value, "user" if untyped == "input" else "assistant")
                if messages:
                    found[typed] = messages
    if "documents" in found and found.get("output") is None:
        found["output"] = _shown(found["documents"])
    if "input_messages" in found:
        found.pop("input", None)
    if "output_messages" in found:
        found.pop("output", None)
    usage = found.get("usage")
    if usage is not None:
        if kind not in COUNTED:
            found["aggregated"] = True
        elif usage.total() > MOST_TOKENS:
            _refuse_usage(found, usage)


def _shown(documents: tuple[Document, ...]) -> list[dict[str, Any]]:
    """What was found, as the output of a span that tells no other: otherwise nobody would see it."""
    fields = ("id", "content", "score", "metadata")
    rows = ([(name, getattr(each, name)) for name in fields] for each in documents)
    return [{name: value for name, value in row if value not in ("", None, {})} for row in rows]


def _refuse_usage(found: Found, usage: Usage) -> None:
    """What no call can have used is unknown, and no sum of the project has it."""
    del found["usage"]
    found.pop("total_tokens", None)
    buckets = ((name, getattr(usage, name)) for name in _BUCKETS)
    found["usage_refused"] = ", ".join(f"{name} {tokens}" for name, tokens in buckets if tokens)


def _silence(found: Found) -> None:
    """Of a span whose content was taken out: nothing of what is left is shown as if it had been said."""
    for name in _SAID:
        found.pop(name, None)
    metadata = found.get("metadata")
    if metadata:
        found["metadata"] = {name: value for name, value in metadata.items() if name != CONTENT_MARK}
