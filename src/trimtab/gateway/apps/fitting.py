"""What a release says that one model refuses, taken out of the body for that model: a route may lead a release to
models that take a temperature and to models that do not, and whoever calls the app cannot know.

Only what the release put there is touched. What the caller wrote himself goes as he wrote it, for the model's vendor to
refuse in words for him.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trimtab.gateway.apps.fronts import ANTHROPIC, CHAT, RESPONSES
from trimtab.gateway.apps.overlay import Overlay, read_fields
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.llm.dialects import _claude as claude
from trimtab.llm.dialects import _gpt as gpt
from trimtab.llm.types import Request

BEDROCK: Final = "bedrock_converse"
_SAMPLING: Final = ("temperature", "top_p", "top_k")
_THINKING: Final = ("reasoning_effort", "thinking")
_PLAIN: Final = {"temperature": 1, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0}
"""What each model does unasked: to ask for just that is refused by none."""
_encode = msgspec.json.Encoder().encode
_value = msgspec.json.Decoder().decode


def fit(overlay: Overlay, front: Dialect, body: bytes, model: str) -> tuple[bytes, tuple[str, ...]]:
    """The body of a client of that dialect as this model of the same dialect takes it, and the names of the release's
    parameters that gave way."""
    if front.name in (CHAT, RESPONSES):
        return _fit_openai(overlay, front.name, body, model)
    return _fit_claude(overlay, body, model) if front.name == ANTHROPIC else (body, ())


def lost(overlay: Overlay, upstream: str, model: str) -> tuple[str, ...]:
    """The release's parameters that this model is not sent by a call that is put into the upstream's dialect: the
    dialect itself leaves them out."""
    asked = overlay.request
    if upstream in (CHAT, RESPONSES):
        kept = gpt.sampled(asked, model)
        names = gpt.refused_names(model, kept.reasoning_effort) if upstream == CHAT else ()
    elif upstream in (ANTHROPIC, BEDROCK):
        kept, names = claude.as_taken(asked, model, asked.max_tokens)[0], ()
    else:
        return ()
    gone = [name for name in _SAMPLING if getattr(kept, name) is None and getattr(asked, name) is not None]
    return tuple(name for name in (*gone, *names) if name in overlay.touchy and not _says_nothing(overlay, name))


def _says_nothing(overlay: Overlay, name: str) -> bool:
    return name in _PLAIN and overlay.parameter(name) == _PLAIN[name]


def _fit_openai(overlay: Overlay, front: str, body: bytes, model: str) -> tuple[bytes, tuple[str, ...]]:
    reasons = gpt.reasons(model)
    if reasons is None or (not reasons and "reasoning_effort" not in overlay.touchy):  # nearly every call
        return body, ()
    fields = read_fields(body)
    asked = overlay.request
    if asked.reasoning_effort is None:
        asked = replace(asked, reasoning_effort=_effort(front, fields))
    taken = gpt.sampled(asked, model)
    refused = [name for name in ("temperature", "top_p") if getattr(taken, name) is None]
    if front == CHAT:
        refused += gpt.refused_names(model, taken.reasoning_effort)
    told = list[str]()
    for name in refused:
        if name in overlay.touchy and name in fields and not _says_nothing(overlay, name):
            del fields[name]
            told.append(name)
    if "reasoning_effort" in overlay.touchy and taken.reasoning_effort != asked.reasoning_effort:
        _set_effort(front, fields, taken.reasoning_effort)
        told.append(f"reasoning_effort{f' (as {taken.reasoning_effort})' if taken.reasoning_effort else ''}")
    return (_encode(fields), tuple(told)) if told else (body, ())


def _effort(front: str, fields: dict[str, Raw]) -> str | None:
    """The caller's own."""
    found = _decoded(fields.get("reasoning_effort" if front == CHAT else "reasoning"))
    if isinstance(found, dict):
        found = found.get("effort")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return found if isinstance(found, str) else None


def _set_effort(front: str, fields: dict[str, Raw], effort: str | None) -> None:
    if front == CHAT:
        _put(fields, "reasoning_effort", effort)
    else:
        _put_inside(fields, "reasoning", "effort", effort)


def _fit_claude(overlay: Overlay, body: bytes, model: str) -> tuple[bytes, tuple[str, ...]]:
    """A wish to think must fit the conversation as well, so the call is read for it."""
    if not claude.is_known(model):
        return body, ()
    thinks = any(name in overlay.touchy for name in _THINKING)
    fields = read_fields(body)
    reads = thinks or "thinking" in fields  # the caller's own wish
    asked: Request = DIALECTS.get(ANTHROPIC).parse_request(body) if reads else overlay.request
    taken, thinking = claude.as_taken(asked, model, asked.max_tokens)
    told = list[str]()
    for name in _SAMPLING:
        given = getattr(asked, name) is not None and name in overlay.touchy and name in fields
        if given and getattr(taken, name) is None:
            del fields[name]
            told.append(name)
    if thinks and (thinking != _decoded(fields.get("thinking")) or taken.reasoning_effort != asked.reasoning_effort):
        _put(fields, "thinking", thinking)
        _put_inside(fields, "output_config", "effort", taken.reasoning_effort)
        told += [f"{name}{_as(thinking, taken)}" for name in _THINKING if name in overlay.touchy]
    return (_encode(fields), tuple(told)) if told else (body, ())


def _as(thinking: dict[str, Any] | None, taken: Request) -> str:
    words = [f"effort {taken.reasoning_effort}"] if taken.reasoning_effort else []
    if thinking is not None:
        budget = thinking.get("budget_tokens")
        words.append(f"a budget of {budget} tokens" if budget else "adaptive thinking")
    return f" (as {', '.join(words)})" if words else ""


def _put(fields: dict[str, Raw], name: str, value: Any) -> None:
    if value is None:
        fields.pop(name, None)
    else:
        fields[name] = Raw(_encode(value))


def _put_inside(fields: dict[str, Raw], name: str, member: str, value: Any) -> None:
    inner = _decoded(fields.get(name))
    known: dict[str, Any] = dict(inner) if isinstance(inner, dict) else {}  # pyright: ignore[reportUnknownArgumentType]
    if value is None:
        known.pop(member, None)
    else:
        known[member] = value
    _put(fields, name, known or None)


def _decoded(raw: Raw | None) -> Any:
    return None if raw is None else _value(raw)
