"""OTLP trace exports, read so that one bad span costs one span: what of a body goes to the spool, and what is refused.

A body of any size is read in pieces, cut between spans (`otlp/wire.py`), because the parser holds the interpreter while
it works and calls must go on beside it. A piece whose spans are all good is kept as it travelled; nothing of it is made
anew.

JSON follows OTLP's own mapping (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids in hex, enums as
numbers, 64-bit numbers as text or number, names in lowerCamelCase; unknown fields are passed over. What emitters get
wrong in JSON itself is mended where it can be (`otlp/loose_json.py`).
"""

import base64
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.foreign.check import check_span, fault_of
from trimtab.telemetry.foreign.protobuf import attributes_of, span_of, spans_of
from trimtab.telemetry.foreign.spans import (
    KINDS,
    LETTER_BYTES,
    NO_PARENT,
    Attributes,
    ForeignEvent,
    ForeignLink,
    ForeignSpan,
)
from trimtab.telemetry.otlp import loose_json
from trimtab.telemetry.otlp.content_off import without_content
from trimtab.telemetry.otlp.header_secrets import hide_json, hide_wire, may_hold
from trimtab.telemetry.otlp.sink import MAX_LETTERS, MAX_SPAN_BYTES, Origin, Sink, Taken, encoded, many
from trimtab.telemetry.otlp.wire import MAX_AROUND, PIECE_BYTES, BadWire, pieces, request_of, spans_in

PIECE_SPANS: Final = 500
"""Spans of one spool record where they come as JSON."""
LARGE_PIECE: Final = MAX_SPAN_BYTES + 2 * MAX_AROUND
"""What is larger either has a span that is too large, or ends with one that nearly is."""
MANY_FROM: Final = 2 * PIECE_BYTES
"""A smaller piece is not looked through for spans of very many parts: it has no room for many more than they may be."""
TOO_LARGE: Final = f"it is larger than {MAX_SPAN_BYTES} bytes"
REPEATED_IN_LETTERS: Final = 150_000
"""Bytes of resources and scopes that the dead letters of one request repeat; those beyond keep their span alone."""


# --- protobuf ------------------------------------------------------------------------------------------------------


def take_protobuf(body: bytes, origin: Origin) -> Taken:
    """An ``ExportTraceServiceRequest``. Raises `InvalidRequest` for a body that is none."""
    sink = Sink(origin, len(body))
    try:
        for piece in pieces(body):
            _take_piece(piece, sink)
    except BadWire as error:
        raise no_request("ExportTraceServiceRequest", str(error)) from None
    return sink.taken()


def no_request(name: str, why: str) -> InvalidRequest:
    """For a body that is not the protobuf message it should be."""
    return InvalidRequest(
        f"The body is no {name}: {why}.",
        fix="Send OTLP protobuf with 'content-type: application/x-protobuf', or JSON with 'application/json'.",
        code="not_otlp",
    )


def pieces_of(body: bytes, name: str) -> Iterator[bytes]:
    """`pieces` of another signal's request: they are built alike. Raises `InvalidRequest`."""
    try:
        yield from pieces(body)
    except BadWire as error:
        raise no_request(name, str(error)) from None


def _take_piece(piece: bytes, sink: Sink) -> None:
    if len(piece) > LARGE_PIECE:
        _take_one_by_one(piece, sink)
        return
    try:
        request: Any = ExportTraceServiceRequest.FromString(piece)
    except DecodeError:
        _take_one_by_one(piece, sink)
        return
    now_ns = sink.origin.arrived_ns
    count = 0
    bad: list[tuple[Any, int, str, Any]] = []
    looks, hidden = may_hold(piece), False
    for group in request.resource_spans:
        resource_bytes = group.resource.ByteSize()
        for scoped in group.scope_spans:
            hidden |= looks and hide_wire(scoped.spans)
            crowded = sink.surround(resource_bytes + scoped.scope.ByteSize(), len(scoped.spans))
            for place, span in enumerate(scoped.spans):
                count += 1
                fault = crowded or fault_of(
                    span.trace_id, span.span_id, span.start_time_unix_nano, span.end_time_unix_nano, now_ns
                )
                if not fault and len(piece) > MANY_FROM:
                    large = len(piece) > MAX_SPAN_BYTES and span.ByteSize() > MAX_SPAN_BYTES
                    fault = TOO_LARGE if large else many(span.attributes, span.events, span.links)
                if fault:
                    bad.append((scoped, place, fault, None if crowded else group))
    if not count:
        return
    for scoped, place, fault, group in reversed(bad):  # from behind, so that places stay right
        _refuse_one(sink, scoped, scoped.spans[place], (fault, group))
        del scoped.spans[place]
    if count > len(bad) and not sink.origin.content:
        sink.keep(count - len(bad), spans=tuple(map(without_content, spans_of(request))))
    elif count > len(bad):
        sink.keep(count - len(bad), otlp=request.SerializeToString() if bad or hidden else piece)


def _refuse_one(sink: Sink, scoped: Any, span: Any, why: tuple[str, Any]) -> None:
    """``why`` is the fault, and the span's resource where that can be kept with it."""
    fault, group = why
    known = None
    small = span.ByteSize() <= LETTER_BYTES  # else no letter has room for it
    if small and group is not None and len(sink.letters) < MAX_LETTERS:
        known = span_of(span, scoped.scope.name, scoped.scope.version, attributes_of(group.resource.attributes))
    sink.refuse(fault, span=known, wire=span.SerializeToString())


def _take_one_by_one(piece: bytes, sink: Sink) -> None:
    """A piece that does not parse as a whole, or has a span that is too large: each span alone, so that only what is
    wrong is refused. One that is too large is not parsed: a value of two bytes may take a hundred in memory."""
    for group, scope, span in spans_in(piece):
        if len(group) + len(scope) > MAX_AROUND:  # not to be copied and parsed for each
            sink.refuse(sink.surround(len(group) + len(scope), 1), wire=span)
            continue
        if len(span) > MAX_SPAN_BYTES:
            sink.refuse(TOO_LARGE, wire=span)
            continue
        alone = request_of(group, scope, span)
        try:
            ExportTraceServiceRequest.FromString(alone)
        except DecodeError as error:
            sink.refuse(f"it cannot be parsed: {str(error)[:200]}", wire=span)
        else:
            _take_piece(alone, sink)


# --- JSON ----------------------------------------------------------------------------------------------------------

_INT64: Final = (-(1 << 63), (1 << 63) - 1)
NO_SPAN: Final = (ValueError, TypeError, OverflowError, RecursionError)
_TOO_DEEP: Final = f"a value is nested more than {loose_json.MOST_DEEP} deep"
JSON_FIX: Final = "OTLP's JSON is described at https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding."


def take_json(body: bytes, origin: Origin) -> Taken:
    """An ``ExportTraceServiceRequest`` as JSON. Raises `InvalidRequest` for a body that is none."""
    request = json_object(body, "resourceSpans")
    sink = Sink(origin, len(body))
    block: list[ForeignSpan] = []
    around = _Around()
    for group, scoped, spans in json_scopes(request, ("resourceSpans", "scopeSpans", "spans"), sink):
        around.enter(group, scoped)
        for named, each in _around_json(around, scoped, spans, sink):
            _take_json_span(each, named, (sink, block, around))
            if len(block) >= PIECE_SPANS:
                sink.keep(len(block), spans=tuple(block))
                block.clear()
    if block:
        sink.keep(len(block), spans=tuple(block))
    return sink.taken()


def json_object(body: bytes, name: str) -> Any:
    """The object that a body is, which should have ``name``. Raises `InvalidRequest`."""
    try:
        request = loose_json.decode(body)
    except loose_json.TooMuch as error:
        raise loose_json.too_much(error) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}.", fix=JSON_FIX, code="not_otlp") from None
    if not isinstance(request, dict):
        raise InvalidRequest(f"The body is not an object with {name!r}.", fix=JSON_FIX, code="not_otlp")
    return cast("dict[str, Any]", request)


def json_scopes(request: Any, names: tuple[str, str, str], sink: Sink) -> Iterator[tuple[Any, Any, list[Any]]]:
    """Of each scope its resource's group, itself, and the spans (or records) that it lists, by the names that these
    three levels have. What stands where one of them should is refused. Raises `InvalidRequest` for the highest."""
    groups, scopes, spans = names
    try:
        every = listed(request, groups)
    except TypeError as error:
        raise InvalidRequest(f"The body is not OTLP: {error}.", fix=JSON_FIX, code="not_otlp") from None
    for group in every:
        if len(sink.letters) >= MAX_LETTERS and not isinstance(group, dict):
            sink.refused += group is not None  # there may be millions
            continue
        for scoped in _listed(group, scopes, sink):
            found = _listed(scoped, spans, sink)
            if isinstance(scoped, dict):
                yield group, scoped, found


def _listed(holder: Any, name: str, sink: Sink) -> list[Any]:
    """`listed`, where what is none is refused."""
    try:
        return listed(holder, name)
    except TypeError as error:
        sink.refuse(str(error), wire=encoded(holder) if len(sink.letters) < MAX_LETTERS else b"")
        return []


class _Around:
    """What stands around spans: the scope that was entered, and its resource, which is read and written once for all of
    its scopes, however many a request has. Dead letters repeat it as far as `REPEATED_IN_LETTERS` goes."""

    __slots__ = ("_group", "_lengths", "_room", "_scoped", "attributes", "fault", "size")

    def __init__(self) -> None:
        self._group: Any = None
        self._room = REPEATED_IN_LETTERS

    def enter(self, group: Any, scoped: Any) -> None:
        self._scoped = scoped
        if group is self._group:
            self._lengths = self._lengths[:1]
            return
        self._group = group
        self._lengths: list[int] = []
        self.attributes: Attributes = {}
        self.size, self.fault = 0, ""
        try:
            self.attributes = json_attributes(got(got(group, "resource"), "attributes"))
            self.size = len(encoded(self.attributes))
        except NO_SPAN as error:
            self.fault = str(error)[:200]

    def alone(self, span: Any) -> bytes:
        """A span as a request of its own, with its resource and its scope; by itself where it has none, and where a
        dead letter has no room for them."""
        own = encoded(span)
        held = (self._group.get("resource"), self._scoped.get("scope"))
        if not any(held):
            return own
        self._lengths += [len(encoded(each)) for each in held[len(self._lengths) :]]
        around = sum(self._lengths)
        if around > min(LETTER_BYTES, self._room):
            return own
        scopes = [{"scope": held[1], "spans": [span]}]
        request = encoded({"resourceSpans": [{"resource": held[0], "scopeSpans": scopes}]})
        if not 0 < len(request) <= LETTER_BYTES:
            return own
        self._room -= around
        return request


def _around_json(around: _Around, scoped: Any, spans: list[Any], sink: Sink) -> Iterator[tuple[tuple[str, str], Any]]:
    """Each of the spans with its scope's name and version; none where these or its resource cannot be read or are too
    large: then they are refused, and those of other scopes are not."""
    named, what, why = ("", ""), "resource", around.fault
    if not why:
        what = "scope"
        try:
            scope = got(scoped, "scope")
            named = (_text(got(scope, "name")), _text(got(scope, "version")))
        except NO_SPAN as error:
            why = str(error)[:200]
    if why:
        fault = f"its {what} is none: {why}"
        if not spans:
            sink.refuse(f"a {what} is none: {why}", wire=encoded(scoped))
    else:
        fault = sink.surround(around.size + len(named[0]) + len(named[1]), len(spans))
    for each in spans:
        if fault:
            sink.refuse(fault, wire=around.alone(each) if len(sink.letters) < MAX_LETTERS else b"")
        else:
            yield named, each


def only_span(request: Any) -> ForeignSpan:
    """The span of a request that `_Around.alone` wrote, once a person has mended it. Raises one of `NO_SPAN`."""
    found: list[ForeignSpan] = []
    for group in listed(request, "resourceSpans"):
        resource = json_attributes(got(got(group, "resource"), "attributes"))
        for scoped in listed(group, "scopeSpans"):
            scope = got(scoped, "scope")
            named = (_text(got(scope, "name")), _text(got(scope, "version")))
            found += [json_span(each, named, resource) for each in listed(scoped, "spans")]
    if len(found) != 1:
        raise ValueError(f"it holds {len(found)} spans, and a letter is one")
    return found[0]


def _take_json_span(each: Any, scope: tuple[str, str], into: tuple[Sink, list[ForeignSpan], _Around]) -> None:
    """What was around it comes with where it goes."""
    sink, block, around = into
    if len(sink.letters) >= MAX_LETTERS and not isinstance(each, dict):
        sink.refused += 1  # there may be millions
        return
    try:
        span = json_span(each, scope, around.attributes)
        for holder in (span, *span.events):
            hide_json(holder.attributes)
        fault = check_span(span, sink.origin.arrived_ns) or many(span.attributes, span.events, span.links)
        fault = fault or sink.too_large(lambda: len(encoded(each)))
    except NO_SPAN as error:
        wire = around.alone(each) if len(sink.letters) < MAX_LETTERS else b""
        sink.refuse(f"it is no span: {str(error)[:200]}", wire=wire)
        return
    if fault:
        sink.refuse(fault, span=span)
    else:
        block.append(span if sink.origin.content else without_content(span))


def json_span(each: Any, scope: tuple[str, str], resource: Attributes) -> ForeignSpan:
    """One span of OTLP's JSON. Raises `ValueError` or `TypeError` where a field is not what it must be."""
    if not isinstance(each, dict):
        raise TypeError("a span is an object")
    span = cast("dict[str, Any]", each)
    status = got(span, "status")
    parent = id_of(span.get("parentSpanId"), 8)
    kind = _enum(span.get("kind"), "SPAN_KIND_", ("UNSPECIFIED", *(name.upper() for name in KINDS[1:])))
    return ForeignSpan(
        trace_id=id_of(span.get("traceId"), 16),
        span_id=id_of(span.get("spanId"), 8),
        parent_span_id="" if parent == NO_PARENT else parent,
        name=_text(span.get("name")),
        kind=KINDS[kind],
        start_ns=whole(span.get("startTimeUnixNano")),
        end_ns=whole(span.get("endTimeUnixNano")),
        status_code=_enum(got(status, "code"), "STATUS_CODE_", ("UNSET", "OK", "ERROR")),
        status_message=_text(got(status, "message")),
        attributes=json_attributes(span.get("attributes")),
        events=tuple(
            ForeignEvent(
                _text(got(event, "name")),
                whole(got(event, "timeUnixNano")),
                json_attributes(got(event, "attributes")),
            )
            for event in listed(span, "events")
        ),
        links=tuple(
            ForeignLink(
                id_of(got(link, "traceId"), 16),
                id_of(got(link, "spanId"), 8),
                json_attributes(got(link, "attributes")),
            )
            for link in listed(span, "links")
        ),
        scope_name=scope[0],
        scope_version=scope[1],
        resource=resource,
    )


def json_attributes(pairs: Any) -> Attributes:
    """A list of ``{"key": …, "value": AnyValue}``. Raises `ValueError` or `TypeError`."""
    if pairs is None:
        return {}
    if not isinstance(pairs, list):
        raise TypeError("attributes are a list of keys and values")
    every = cast("list[Any]", pairs)
    return {_text(got(pair, "key")): json_value(got(pair, "value")) for pair in every}


def json_value(value: Any) -> Any:
    """One ``AnyValue``. Raises `ValueError` or `TypeError`."""
    if value == loose_json.TOO_DEEP:
        raise ValueError(_TOO_DEEP)
    if value is None or isinstance(value, str | bool | float):
        return value  # not OTLP, but some write the bare value, and it is plain what they mean
    if isinstance(value, int):
        return whole(value, low=_INT64[0], high=_INT64[1])
    if not isinstance(value, dict):
        raise TypeError("a value is an object such as {'stringValue': 'text'}")
    for name, held in cast("dict[str, Any]", value).items():
        match name:
            case "stringValue":
                return _text(held)
            case "boolValue":
                return bool(held)
            case "intValue":
                return whole(held, low=_INT64[0], high=_INT64[1])
            case "doubleValue":
                return None if held is None else float(held)  # text for NaN and Infinity; JavaScript writes null
            case "arrayValue":
                return [json_value(each) for each in listed(held, "values")]
            case "kvlistValue":
                return json_attributes(got(held, "values"))
            case "bytesValue":
                base64.b64decode(held, validate=True)
                return held
            case _:
                continue
    return None


def got(holder: Any, name: str) -> Any:
    """A field of an object; None where there is no object. Raises `TypeError` where something else stands."""
    if holder is None:
        return None
    if not isinstance(holder, dict):
        raise TypeError(_TOO_DEEP if holder == loose_json.TOO_DEEP else f"an object is missing around {name!r}")
    return cast("dict[str, Any]", holder).get(name)


def listed(holder: Any, name: str) -> list[Any]:
    """A field that is a list; empty where there is none. Raises `TypeError`."""
    found = got(holder, name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise TypeError(_TOO_DEEP if found == loose_json.TOO_DEEP else f"{name!r} is a list")
    return cast("list[Any]", found)


def id_of(value: Any, size: int) -> str:
    """An id of so many bytes as lower-case hex: OTLP's JSON has hex, plain protobuf's base64. No hex of an id has the
    length of its base64. What is neither stays as it came. Raises `TypeError`."""
    text = _text(value)
    bare = text.rstrip("=")
    if len(bare) != -(-size * 4 // 3) or len(text) - len(bare) not in (0, -len(bare) % 4):
        return text.lower()
    try:
        found = base64.b64decode(bare.translate(_URL_SAFE) + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return text.lower()
    return found.hex()


_URL_SAFE: Final = str.maketrans("-_", "+/")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value


def whole(value: Any, *, low: int = 0, high: int = (1 << 64) - 1) -> int:
    """A whole number, also where it came as text. Raises `TypeError` or `ValueError`."""
    if value is None or value == "":
        return 0
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise TypeError(f"{str(value)[:40]!r} is no whole number")
    if isinstance(value, str) and len(value) > 24:
        raise ValueError("a number has more digits than any time")
    number = int(value)
    if not low <= number <= high:
        raise ValueError(f"{str(value)[:40]} is out of range")
    return number


def _enum(value: Any, prefix: str, names: tuple[str, ...]) -> int:
    """A number, as OTLP asks for, or the name, as plain protobuf writes it; what is not known is 0."""
    if isinstance(value, str) and (value.startswith(prefix) or value in names):
        name = value.removeprefix(prefix)
        return names.index(name) if name in names else 0
    number = whole(value, low=-(1 << 31), high=(1 << 31) - 1)
    return number if 0 <= number < len(names) else 0
