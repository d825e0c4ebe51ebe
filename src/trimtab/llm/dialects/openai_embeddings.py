"""OpenAI's embeddings, which most of the field speaks: https://platform.openai.com/docs/api-reference/embeddings

Beside OpenAI's own fields a client may send ``input_type``, as compatible vendors take it: what the vectors are for.
"""

import base64
import struct
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import InvalidRequest, TrimtabError, Unsupported, UpstreamFailure
from trimtab.llm.auth import BEARER
from trimtab.llm.charges import charged_in
from trimtab.llm.dialects import Dialect, Glance, Head, Operation, Quirks
from trimtab.llm.dialects._crossing import foreign, refuse_binding
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import (
    BROKEN,
    Cursor,
    count,
    encode,
    encode_request,
    loose,
    refuse_answer,
    refuse_request,
    root,
)
from trimtab.llm.dialects._tolerant import a_list, a_text, an_object, objects
from trimtab.llm.dialects._unstreamed import Unstreamed
from trimtab.llm.dialects.openai_chat import errors
from trimtab.llm.types import Embed, Message, Opaque, Part, Request, Response, Text, Usage, Vectors

NAME = "openai_embeddings"
MOST_DIMENSIONS = 2**20
_TRANSLATED = frozenset(("model", "input", "encoding_format", "dimensions", "input_type", "user"))


class _Request(Struct):
    model: str
    input: Raw
    user: str | None = None
    encoding_format: str | None = None


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def peek(body: bytes) -> Head:
    try:
        found = _decode_request(body)
    except BROKEN:
        raise _why(body) from None
    if not found.model:
        raise _why(body)
    return Head(model=found.model, user=found.user, base64=found.encoding_format == "base64")


def _why(body: bytes) -> TrimtabError:
    """What `peek` stumbled over, said well."""
    try:
        parse_request(body)
    except TrimtabError as error:
        return error
    return InvalidRequest("The body is not a valid embeddings request.")


def parse_request(body: bytes) -> Request:
    fields = root(body, refuse_request)
    model = fields.need("model").text()
    if not model:
        raise fields.fail("model", "is empty")
    written = fields.text("encoding_format")
    if written not in (None, "float", "base64"):
        raise fields.fail("encoding_format", "must be float or base64")
    return Request(
        dialect=NAME,
        model=model,
        messages=tuple(Message("user", (part,)) for part in _inputs(fields.need("input"))),
        user=fields.text("user"),
        task=Embed(
            dimensions=fields.integer("dimensions", 1, MOST_DIMENSIONS),
            purpose=fields.text("input_type"),
        ),
        extra={name: fields.raw(name) for name in fields if name not in _TRANSLATED and fields.get(name) is not None},
    )


def _inputs(cursor: Cursor) -> list[Part]:
    """A text, texts, a list of tokens, or lists of tokens. Only the dialect's own providers understand tokens."""
    if cursor.kind == "string":
        return [Text(cursor.text())]
    items = cursor.items()
    if not items:
        raise cursor.fail("is empty: give at least one text")
    if items[0].kind == "number":
        return [_tokens(cursor)]
    return [Text(item.text()) if item.kind == "string" else _tokens(item) for item in items]


def _tokens(cursor: Cursor) -> Part:
    if cursor.kind != "array":
        raise cursor.fail("must be a string, or a list of tokens")
    for token in cursor.items():
        token.integer(0)
    return Opaque(NAME, cursor.opaque())


def forward(body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    try:
        fields = _decode_fields(body)
        fields["model"] = Raw(encode(model))
        if quirks.dimensions_field != "dimensions" and "dimensions" in fields:
            fields[quirks.dimensions_field] = fields.pop("dimensions")
        return encode(fields)
    except BROKEN:
        raise _why(body) from None


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:
    refuse_binding(request, NAME)
    task = task_of(request)
    inputs: list[str | Raw] = [_input(part) for message in request.messages for part in message.parts]
    body: dict[str, Any] = {"model": model, "input": inputs}
    plain: dict[str, Any] = {quirks.dimensions_field: task.dimensions, "user": request.user}
    return encode_request(body | {name: value for name, value in plain.items() if value is not None})


def _input(part: Part) -> str | Raw:
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Opaque) and part.dialect == NAME:
        return part.raw
    if isinstance(part, Opaque):
        raise foreign(part)
    raise Unsupported(f"A vector of a {type(part).__name__} part cannot be asked for here.", param="input")


def task_of(request: Request) -> Embed:
    """What is to be done with the messages. Raises `InvalidRequest` for a request of another operation."""
    if not isinstance(request.task, Embed):
        raise InvalidRequest("This is no request for vectors.", fix="Call /v1/embeddings.")
    return request.task


def texts_of(request: Request) -> list[str]:
    """What is to be embedded, for vendors that take text only."""
    found: list[str] = []
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Opaque) and part.dialect != NAME:
                raise foreign(part)
            if isinstance(part, Opaque):
                raise Unsupported(
                    "Tokens cannot be translated: every vendor counts its own.", fix="Send text.", param="input"
                )
            if not isinstance(part, Text):
                raise Unsupported(f"A vector of a {type(part).__name__} part cannot be asked for here.", param="input")
            found.append(part.text)
    return found


# --- answers ---


def usage_of(told: Any) -> Usage | None:
    """An embedding has no output; what was read is all there is."""
    usage = an_object(told)
    if "prompt_tokens" not in usage and "total_tokens" not in usage:
        return None
    read = count(usage.get("prompt_tokens")) or count(usage.get("total_tokens"))
    return Usage(input=read, charged=charged_in(usage))


def glance(body: bytes) -> Glance:
    seen = loose(body, refuse_answer)
    if "data" not in seen:
        raise _no_vectors(seen)
    return Glance(usage=usage_of(seen.get("usage")), model=a_text(seen.get("model")), stop="stop")


def parse_response(body: bytes) -> Response:
    seen = loose(body, refuse_answer)
    if "data" not in seen:
        raise _no_vectors(seen)
    found = sorted(objects(seen["data"]), key=lambda each: count(each.get("index")))
    return Response(
        id=a_text(seen.get("id")),
        model=a_text(seen.get("model")),
        parts=(),
        stop="stop",
        usage=usage_of(seen.get("usage")),
        result=Vectors(tuple(vector_of(each.get("embedding")) for each in found)),
    )


def _no_vectors(seen: dict[str, Any]) -> UpstreamFailure:
    if seen.get("error") or seen.get("message"):
        message, code, _ = words_of(seen)
        return UpstreamFailure(message, code=code or "upstream_error_in_answer")
    return UpstreamFailure("The provider's answer holds no vectors.", code="upstream_garbage")


def vector_of(told: Any) -> tuple[float, ...]:
    """A list of numbers, or the same as little-endian 32-bit floats in base64."""
    if isinstance(told, str):
        try:
            packed = base64.b64decode(told, validate=True)
            return struct.unpack(f"<{len(packed) // 4}f", packed)
        except (ValueError, struct.error):
            raise UpstreamFailure("A vector of the provider cannot be read.", code="upstream_garbage") from None
    numbers = a_list(told)
    if not numbers or not all(isinstance(each, int | float) and not isinstance(each, bool) for each in numbers):
        raise UpstreamFailure("A vector of the provider is no list of numbers.", code="upstream_garbage")
    return tuple(float(each) for each in numbers)


def render_response(response: Response) -> bytes:
    result = response.result
    if not isinstance(result, Vectors):
        raise UpstreamFailure("The provider's answer holds no vectors.", code="upstream_garbage")
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if result.base64 else vector}
        for index, vector in enumerate(result.vectors)
    ]
    read = response.usage.input if response.usage is not None else 0
    usage = {"prompt_tokens": read, "total_tokens": read}
    return encode({"object": "list", "data": data, "model": response.model, "usage": usage})


def _packed(vector: tuple[float, ...]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


class OpenAIEmbeddings(Unstreamed):
    name = NAME
    operation: Operation = "embeddings"
    front = True
    auth = BEARER
    headers: Mapping[str, str] = {}

    peek = staticmethod(peek)
    parse_request = staticmethod(parse_request)
    render_response = staticmethod(render_response)
    forward = staticmethod(forward)
    render_request = staticmethod(render_request)
    parse_response = staticmethod(parse_response)
    glance = staticmethod(glance)
    render_error = staticmethod(errors.render_error)
    parse_error = staticmethod(errors.parse_error)

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the same for all
        return "/embeddings"


PLUG: Dialect = OpenAIEmbeddings()
