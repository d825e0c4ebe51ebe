"""Texts that can be sent. Python's may hold half of a character (an emoji that was cut, a file name that is no UTF-8),
and for one of them OTLP's encoder refuses the whole batch."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Status


def whole(text: str) -> str:
    """With U+FFFD in place of each half of a character."""
    if text.isascii():  # nearly always, and known without a look
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def mended(spans: Iterable[ReadableSpan]) -> list[ReadableSpan]:
    """Those whose texts are whole, as they are; of the others copies whose texts are."""
    return [_mended(span) if _is_broken(span) else span for span in spans]


def _is_broken(span: ReadableSpan) -> bool:
    texts = [span.name, span.status.description or ""]
    for attributes in (span.attributes, *(event.attributes for event in span.events)):
        texts += [text for pair in (attributes or {}).items() for text in _texts(pair)]
    texts += [event.name for event in span.events]
    return any(whole(text) is not text for text in texts)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, tuple | list):
        return []
    return [text for each in cast("Iterable[Any]", value) for text in _texts(each)]


def _kept(value: Any) -> Any:
    if isinstance(value, str):
        return whole(value)
    return tuple(map(_kept, cast("Iterable[Any]", value))) if isinstance(value, tuple | list) else value


def _attributes(given: Mapping[str, Any] | None) -> dict[str, Any]:
    return {whole(name): _kept(value) for name, value in (given or {}).items()}


def _mended(span: ReadableSpan) -> ReadableSpan:
    status = span.status
    return ReadableSpan(
        name=whole(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[Event(whole(each.name), _attributes(each.attributes), each.timestamp) for each in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(status.status_code, None if status.description is None else whole(status.description)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
