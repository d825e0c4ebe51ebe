"""Cases: what people write down becomes a checked `Case`, its canonical bytes, and its hash.

The hash is SHA-256 over `MARK` and the case as JSON with sorted keys, without its provenance: where a content came from
does not change what it is, so the same cases from another file are the same cases.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec
from msgspec import Struct, structs

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.answers import PASSED_ON
from trimtab.evaluation.types import NAME, Case, Consent, Json, Origin, Pii, Provenance, Use

MARK: Final = b"trimtab-case-1\n"
MAX_BYTES: Final = 256_000
"""Of one case as JSON."""
MAX_TEXTS: Final = 200
MAX_TAGS: Final = 50
SHOWN: Final = 80
_ID: Final = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,126}[^\s\x00-\x1f\x7f])?")
_SPLIT: Final = re.compile(NAME)
_INPUT: Final = frozenset(("messages", "variables", *PASSED_ON))


class Author(Struct, frozen=True, kw_only=True):
    """Who adds a case and when: what its provenance says of that. ``id`` is of a key; ``at`` Unix ms."""

    id: str
    name: str
    at: int


class NewProvenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a case came from, as whoever adds it says; who and when is known."""

    origin: Origin = "person"
    source: str = ""
    span_id: str = ""


class NewCase(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case to be, as people and files write it. Without an ``id`` one is made of input and expected: the same content
    then has the same id. ``input``: a text, or ``{"messages": [...], "variables": {...}}``."""

    id: str = ""
    input: Json = None
    expected: Json = None
    context: tuple[str, ...] | None = None
    expected_tool_calls: tuple[Json, ...] | None = None
    metadata: dict[str, Json] = {}
    tags: tuple[str, ...] = ()
    split: str = ""
    group: str = ""
    weight: float = 1.0
    provenance: NewProvenance | None = None
    licence: str = ""
    uses: tuple[Use, ...] = ("evaluate",)
    consent: Consent = "unknown"
    pii: Pii = "unknown"


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(Case)


def made(new: NewCase, author: Author, otherwise: NewProvenance | None = None) -> Case:
    """The checked case. ``otherwise``: its provenance where it says none. Raises `InvalidRequest`."""
    from_where = new.provenance or otherwise or NewProvenance()
    plain = {name: getattr(new, name) for name in NewCase.__struct_fields__ if name not in ("id", "provenance")}
    plain["tags"] = tuple(dict.fromkeys(new.tags))
    plain["uses"] = tuple(sorted(set(new.uses)))
    provenance = Provenance(
        origin=from_where.origin,
        source=from_where.source,
        span_id=from_where.span_id,
        author=author.id,
        author_name=author.name,
        at=author.at,
    )
    case = Case(id=new.id or id_for(new), provenance=provenance, **plain)
    check(case)
    return case


def id_for(new: NewCase) -> str:
    """``case-`` and twelve hex digits of the SHA-256 over input and expected."""
    return "case-" + hashlib.sha256(_encoder.encode((new.input, new.expected))).hexdigest()[:12]


def check(case: Case) -> None:
    """Raises `InvalidRequest` that names the case and the field."""
    if not _ID.fullmatch(case.id):
        raise _wrong(case, "id", "An id has 1 to 128 characters, none of them invisible.", "Shorten it.")
    _check_input(case)
    if case.split and not _SPLIT.fullmatch(case.split):
        fix = "Use lower-case letters, digits, '.', '_' and '-'."
        raise _wrong(case, "split", f"{case.split[:SHOWN]!r} cannot be a split's name.", fix)
    if len(case.tags) > MAX_TAGS or not all(0 < len(tag) <= 64 and tag.isprintable() for tag in case.tags):
        raise _wrong(case, "tags", f"There are at most {MAX_TAGS} tags of 1 to 64 printable characters.", "Use others.")
    for name, text, most in (
        ("group", case.group, 200),
        ("licence", case.licence, 200),
        ("provenance.source", case.provenance.source, 200),
        ("provenance.span_id", case.provenance.span_id, 64),
    ):
        if len(text) > most or "\0" in text:
            raise _wrong(case, name, f"It has at most {most} characters, and no NUL.", "Shorten it.")
    if not 0 < case.weight <= 1e6:
        raise _wrong(case, "weight", "A weight is above 0 and at most 1,000,000.", "Leave it out for 1.")
    if not case.uses:
        raise _wrong(case, "uses", "A case is allowed at least one use.", "Say 'evaluate', 'tune' or 'train'.")
    if case.context is not None and len(case.context) > MAX_TEXTS:
        raise _wrong(case, "context", f"There are at most {MAX_TEXTS} context texts.", "Leave the least useful out.")
    if len(body_of(case)) > MAX_BYTES:
        raise _wrong(case, "input", f"A case has at most {MAX_BYTES:,} bytes as JSON.", "Shorten it.")


def _check_input(case: Case) -> None:
    given: Any = case.input
    if isinstance(given, str):
        if not given.strip():
            raise _wrong(case, "input", "The input is empty.", "Say what is asked.")
        return
    fix = 'Write a text, or {"messages": [{"role": "user", "content": "..."}], "variables": {"name": "value"}}.'
    if not isinstance(given, dict) or not given or not _INPUT.issuperset(cast("dict[str, Any]", given)):
        raise _wrong(case, "input", "The input is a text, or an object of 'messages' and 'variables'.", fix)
    fields = cast("dict[str, Any]", given)
    messages: Any = fields.get("messages", [])
    if not isinstance(messages, list) or not all(map(_is_message, cast("list[Any]", messages))):
        raise _wrong(case, "input.messages", "Messages are a list of objects with a role and a content.", fix)
    if not isinstance(fields.get("variables", {}), dict):
        raise _wrong(case, "input.variables", "Variables are an object of names and values.", fix)
    if not messages and not fields.get("variables"):
        raise _wrong(case, "input", "The input has neither messages nor variables.", fix)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and bool(cast("dict[str, Any]", value).get("role"))


def _wrong(case: Case, field: str, message: str, fix: str) -> InvalidRequest:
    return InvalidRequest(f"Case {case.id[:SHOWN]!r}, {field}: {message}", fix=fix, param=field, code="bad_case")


def body_of(case: Case) -> bytes:
    """Canonical JSON, with provenance: what the catalog keeps."""
    return _encoder.encode(case)


def read_body(body: str | bytes) -> Case:
    return _decoder.decode(body)


def case_of(row: Any) -> Case:
    """Of a row's ``case_id``, ``split`` and ``body``: where the body's key was destroyed these are what is known."""
    found = read_body(row.body)
    return found if found.id else structs.replace(found, id=row.case_id, split=row.split)


def hash_of(case: Case) -> str:
    """``sha256:`` and 64 hex digits."""
    content = _encoder.encode(structs.replace(case, provenance=Provenance()))
    return "sha256:" + hashlib.sha256(MARK + content).hexdigest()


def input_text(case: Case) -> str:
    """What a person would read as the question: all messages' texts, else the variables' values."""
    if isinstance(case.input, str):
        return case.input
    given: dict[str, Any] = case.input
    texts = [text_of(message.get("content")) for message in given.get("messages", ())]
    texts += [text_of(value) for _, value in sorted(given.get("variables", {}).items())]
    return "\n".join(text for text in texts if text)


def text_of(value: Json) -> str:
    """The readable text of a message's content (OpenAI's shapes), or of any JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        if all(isinstance(part, dict) and "type" in part for part in parts):
            return "\n".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str))
    return _encoder.encode(value).decode()


def uses_column(case: Case) -> str:
    """What a case may be used for as a column; empty where consent was withdrawn."""
    return "" if case.consent == "withdrawn" else f",{','.join(case.uses)},"


def tags_column(tags: Iterable[str]) -> str:
    """Tags as a column that a tag can be looked for in: each between line ends."""
    found = "\n".join(tags)
    return f"\n{found}\n" if found else ""
