"""A whole response, read and written. ``openai.types.responses.Response``"""

from typing import Any

from trimtab.llm.dialects._reading import Fields, encode, refuse_answer, root, tier_in
from trimtab.llm.dialects._signatures import signed_by
from trimtab.llm.dialects.openai_responses.hot import no_answer
from trimtab.llm.dialects.openai_responses.items import (
    NAME,
    Wire,
    call_of,
    content_of,
    item_id_of,
    kind_of,
    shown_item,
)
from trimtab.llm.dialects.openai_responses.stops import ending, stop_of, word_of
from trimtab.llm.dialects.openai_responses.usage import SEARCHES, render_usage, usage_of, with_searches
from trimtab.llm.types import Opaque, Part, Reasoning, Refusal, Response, Text, Usage


def parse_response(body: bytes) -> Response:
    """Raises `UpstreamFailure` for what is no answer, or one that failed."""
    fields = root(body, refuse_answer)
    output = fields.get("output")
    status = fields.text("status")
    if output is None or status == "failed":
        error = fields.get("error")
        raise no_answer(None if error is None else error.anything())
    parts: list[Part] = []
    kinds: list[str] = []
    searches: list[tuple[str, Any]] = []
    for cursor in output.items():
        item = cursor.fields()
        kind = item.text("type") or ""
        kinds.append(kind)
        if kind in SEARCHES:
            action = item.get("action")
            searches.append((kind, None if action is None else action.anything()))
        parts += parts_of_item(kind, item, Opaque(NAME, cursor.opaque()))
    kinds += ["refusal" for part in parts if isinstance(part, Refusal)]
    details = fields.get("incomplete_details")
    word = word_of(status, None if details is None else details.fields().text("reason"))
    usage, created = fields.get("usage"), fields.get("created_at")
    used = usage_of(usage.anything(), tier_in(fields)) if usage is not None else None
    return Response(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        parts=tuple(parts),
        stop=stop_of(word, kinds),
        stop_raw=word,
        usage=with_searches(used, searches),
        created=int(created.number(0, 2**53)) if created is not None and created.kind == "number" else 0,
    )


def parts_of_item(kind: str, item: Fields, whole: Opaque) -> list[Part]:
    """What an item of an answer says; nothing for one that says nothing. ``whole``: the item as it is."""
    match kind:
        case "message":
            content = item.get("content")
            found = () if content is None else content_of(content)
            return [part for part in found if part != Text("") and not isinstance(part, Opaque)]
        case "function_call":
            return [call_of(item)]
        case "reasoning":
            thought = _thought(item)
            return [] if thought == Reasoning() else [thought]
        case _:
            return [whole]


def _thought(item: Fields) -> Reasoning:
    texts = [part.fields().text("text") or "" for part in item.items("summary")]
    texts = texts or [part.fields().text("text") or "" for part in item.items("content")]
    signed = item.text("encrypted_content")
    return Reasoning(text="\n\n".join(texts), signature=signed_by(NAME, signed) if signed else None)


def render_response(response: Response) -> bytes:
    """Parts of other vendors that a client of this dialect could not read are left out."""
    items: list[Any] = []
    refused = False
    for part in response.parts:
        refused = refused or isinstance(part, Refusal)
        item = shown_item(part, item_id_of(response.id, kind_of(part), len(items)))
        if item is not None:
            items.append(item)
    status, reason = ending(response.stop, refused_in_words=refused)
    whole = envelope(response.id, response.model, response.created, status)
    return encode(closed(whole, items, reason, response.usage))


def envelope(response_id: str, model: str, created: int, status: str) -> Wire:
    """A response without its output. What the client asked for is not known here and is told as its defaults, which
    clients need to be there."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
        "metadata": {},
    }


def closed(whole: Wire, items: list[Any], reason: str | None, usage: Usage | None) -> Wire:
    """The envelope with all that is known at the end."""
    details = None if reason is None else {"reason": reason}
    told = None if usage is None else render_usage(usage)
    return whole | {"output": items, "incomplete_details": details, "usage": told}
