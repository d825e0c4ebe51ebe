"""What changed between two contents: sentences that a product owner understands, the same as data, and the differences
of the prompts that went in."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import UNSET, Struct

from trimtab.prompts import diff as prompt_diff
from trimtab.prompts.diff import Change, Difference, MessageChange
from trimtab.prompts.types import Content as PromptContent
from trimtab.prompts.types import Source
from trimtab.releases import knowledge_words, route_words
from trimtab.releases.types import Content, Json, PinnedGuard, PinnedKnowledge

Area = Literal[
    "prompt", "route", "parameters", "tools", "output_schema", "policy", "variables", "context", "cache", "knowledge",
    "guards", "metadata",
]  # fmt: skip
What = Literal["added", "removed", "changed"]

_PARAMETERS: Final = {
    "temperature": "Temperature",
    "top_p": "Top-p",
    "top_k": "Top-k",
    "max_tokens": "Longest answer in tokens",
    "max_completion_tokens": "Longest answer in tokens, thinking included,",
    "max_output_tokens": "Longest answer in tokens",
    "seed": "Seed",
    "stop": "Stop words",
    "frequency_penalty": "Frequency penalty",
    "presence_penalty": "Presence penalty",
    "reasoning_effort": "Reasoning effort",
}
_CACHE: Final = {"mode": "what counts as the same", "ttl_s": "seconds an answer is kept", "scope": "who shares answers"}


class ReleaseChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``where`` names the field (``parameters.temperature``), ``area`` its part of the release; ``words`` is a sentence
    without its full stop. ``before`` and ``after`` are JSON, left out where there was or is nothing."""

    area: Area
    what: What
    where: str
    words: str
    before: Any = UNSET
    after: Any = UNSET


class PromptChanges(Struct, frozen=True, kw_only=True):
    """What changed in one prompt. ``reference`` is how it is included, empty for the app's own. Versions are None where
    it was or is not there, 0 where it was never stored."""

    reference: str
    name: str
    before: int | None
    after: int | None
    changes: list[Change] = []
    messages: list[MessageChange] = []


class ReleaseDifference(Struct, frozen=True, kw_only=True):
    """Both empty for two contents of one hash."""

    changes: list[ReleaseChange] = []
    prompts: list[PromptChanges] = []


def diff(before: Content | None, after: Content) -> ReleaseDifference:
    """Of two normal forms; ``before`` is None for a first release."""
    old = before or Content()
    prompts = list(_prompts(old, after))
    changes = [
        *_prompt(old, after, prompts),
        *_route(old, after),
        *_parameters(old.parameters, after.parameters),
        *_tools(old, after),
        *_schema(old.output_schema, after.output_schema),
        *_rules(old.policy, after.policy),
        *_variables(old.variables, after.variables),
        *_optional("context", "Long conversations are shortened", old.context, after.context, {}),
        *_optional("cache", "Answers are given again from the cache", old.cache, after.cache, _CACHE),
        *_knowledge(old.knowledge, after.knowledge),
        *_guards(old.guards, after.guards),
        *_metadata(old.metadata, after.metadata),
    ]
    return ReleaseDifference(changes=changes, prompts=prompts)


def words(before: Content | None, after: Content) -> list[str]:
    """The sentences alone."""
    return [change.words for change in diff(before, after).changes]


# --- prompts ---


def _prompts(before: Content, after: Content) -> Iterator[PromptChanges]:
    """The app's own prompt first, then what is included, in order of reference."""
    old = {} if before.prompt is None else {"": before.prompt.prompt, **before.prompt.includes}
    new = {} if after.prompt is None else {"": after.prompt.prompt, **after.prompt.includes}
    for reference in sorted({*old, *new}):
        one, other = old.get(reference), new.get(reference)
        if one is not None and other is not None and (one.name, one.hash) == (other.name, other.hash):
            continue
        found = _between(one, other)
        yield PromptChanges(
            reference=reference,
            name=(other or one or _NOBODY).name,
            before=None if one is None else one.version,
            after=None if other is None else other.version,
            changes=found.changes,
            messages=found.messages,
        )


_NOBODY: Final = Source(name="", version=0, hash="", content=PromptContent())


def _between(before: Source | None, after: Source | None) -> Difference:
    """Of a prompt that is new or gone, nothing is told apart."""
    if before is None or after is None:
        return Difference()
    return prompt_diff.diff(before.content, after.content)


def _prompt(before: Content, after: Content, prompts: list[PromptChanges]) -> Iterator[ReleaseChange]:
    for each in prompts:
        if each.reference:
            yield _included(each)
            continue
        old = None if before.prompt is None else before.prompt.prompt
        new = None if after.prompt is None else after.prompt.prompt
        yield ReleaseChange(
            area="prompt",
            what="added" if old is None else "removed" if new is None else "changed",
            where="prompt",
            words=_prompt_words(old, new),
            before=UNSET if old is None else _named(old),
            after=UNSET if new is None else _named(new),
        )
        for message in each.messages:
            yield ReleaseChange(
                area="prompt", what=message.what, where="prompt.messages", words=_message_words(message, old, new)
            )
        for change in each.changes:
            if change.where.partition(".")[0] in ("description", "metadata", "variables"):
                text = f"In the prompt, {change.words}"
                yield ReleaseChange(area="prompt", what=change.what, where=f"prompt.{change.where}", words=text)


def _named(source: Source) -> str:
    return f"{source.name}@{source.version}" if source.version else source.name


def _prompt_words(old: Source | None, new: Source | None) -> str:
    if old is None or new is None:
        return f"Uses the prompt {_named(new)}" if new else f"No longer uses the prompt {_named(old or _NOBODY)}"
    if old.name != new.name:
        return f"Uses the prompt {_named(new)} instead of {_named(old)}"
    return f"The prompt {new.name} went from version {old.version} to {new.version}"


def _included(each: PromptChanges) -> ReleaseChange:
    what: What = "added" if each.before is None else "removed" if each.after is None else "changed"
    text = {
        "added": f"The prompt now includes {each.name} (version {each.after})",
        "removed": f"The prompt no longer includes {each.name}",
        "changed": f"The included {each.name} went from version {each.before} to {each.after}",
    }[what]
    return ReleaseChange(area="prompt", what=what, where=f"prompt.includes.{each.reference}", words=text)


def _message_words(message: MessageChange, old: Source | None, new: Source | None) -> str:
    side, number = (new, message.after) if message.after is not None else (old, message.before)
    which = "message" if side is None or number is None else _title(side.content, number)
    touched = max(
        sum(line.mark == "added" for line in message.lines), sum(line.mark == "removed" for line in message.lines)
    )
    lines = f" ({touched} line{'' if touched == 1 else 's'})" if touched else ""
    return f"The {which} {({'added': 'is new', 'removed': 'is gone', 'changed': 'changed'})[message.what]}{lines}"


def _title(content: PromptContent, number: int) -> str:
    """``system message``; ``2nd user message`` where there are several of that kind."""
    message = content.messages[number - 1]
    same = [at for at, each in enumerate(content.messages, 1) if each.title == message.title]
    name = f"place of the messages {message.messages!r}" if message.messages else f"{message.role} message"
    at = same.index(number) + 1
    ending = {1: "st", 2: "nd", 3: "rd"}.get(at, "th") if at % 100 not in (11, 12, 13) else "th"
    return name if len(same) == 1 else f"{at}{ending} {name}"


# --- the rest ---


def _route(before: Content, after: Content) -> Iterator[ReleaseChange]:
    what: What = "added" if before.route == "" else "changed"
    old = UNSET if before.route == "" else before.route
    for number, text in enumerate(route_words.told(before.route, after.route)):
        sides = {"before": old, "after": after.route} if number == 0 else {}
        yield ReleaseChange(area="route", what=what, where="route", words=text, **sides)
    was = {name: f"{each.provider}/{each.upstream}" for name, each in before.models.items()}
    now = {name: f"{each.provider}/{each.upstream}" for name, each in after.models.items()}
    for name, text in route_words.models(was, now):
        yield ReleaseChange(
            area="route", what="changed", where=f"models.{name}", words=text, before=was[name], after=now[name]
        )
    text = "Conversations keep to the model that answered before"
    yield from _optional("route", text, before.affinity, after.affinity, {}, field="affinity")


def _one(area: Area, where: str, before: Any, after: Any, text: str) -> ReleaseChange:
    what: What = "added" if before is UNSET else "removed" if after is UNSET else "changed"
    return ReleaseChange(area=area, what=what, where=where, words=text, before=before, after=after)


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """What differs, by name, `UNSET` where it is not there."""
    for name in sorted({*before, *after}):
        old, new = before.get(name, UNSET), after.get(name, UNSET)
        if old is UNSET or new is UNSET or not _same(old, new):
            yield name, old, new


def _moved(old: Any, new: Any, verb: str = "") -> str:
    """How a value went from one to the other."""
    if _is_number(old) and _is_number(new):
        return f"{verb}{'raised' if new > old else 'lowered'} from {_short(old)} to {_short(new)}"
    if isinstance(old, bool) and isinstance(new, bool):
        return f"{verb}switched {'on' if new else 'off'}"
    return f"{verb}changed from {_short(old)} to {_short(new)}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parameters(before: Json, after: Json) -> Iterator[ReleaseChange]:
    for name, old, new in _pairs(before, after):
        title = _PARAMETERS.get(name, f"Parameter {name}")
        if old is UNSET:
            text = f"{title} set to {_short(new)}"
        elif new is UNSET:
            text = f"{title} left to the provider (it was {_short(old)})"
        else:
            text = f"{title} {_moved(old, new)}"
        yield _one("parameters", f"parameters.{name}", old, new, text)


def _tools(before: Content, after: Content) -> Iterator[ReleaseChange]:
    old, new = _by_name(before.tools), _by_name(after.tools)
    if len(old) < len(before.tools) or len(new) < len(after.tools):  # two of one name: told as a whole
        if not _same(before.tools, after.tools):
            yield _one("tools", "tools", list(before.tools), list(after.tools), "The tools changed")
        return
    told = False
    for name, one, other in _pairs(old, new):
        told = True
        if one is UNSET or other is UNSET:
            text = f"New tool: {name}" if one is UNSET else f"The tool {name} is gone"
        else:
            inner = [key for key, _, _ in _pairs(_inner(one), _inner(other))]
            text = f"The tool {name} changed{': its ' + ', its '.join(inner) if inner else ''}"
        yield _one("tools", f"tools.{name}", one, other, text)
    if not told and list(old) != list(new):
        yield ReleaseChange(area="tools", what="changed", where="tools", words="The tools are in another order")


def _by_name(tools: tuple[Json, ...]) -> dict[str, Json]:
    named: dict[str, Json] = {}
    for number, tool in enumerate(tools, 1):
        name = _inner(tool).get("name")
        named[name if isinstance(name, str) else f"#{number}"] = tool
    return named


def _inner(tool: Json) -> Json:
    found = tool.get("function")
    return cast("Json", found) if isinstance(found, dict) else tool


def _schema(before: Json | None, after: Json | None) -> Iterator[ReleaseChange]:
    if _same(before, after):
        return
    if before is None or after is None:
        text = (
            "Answers must follow a JSON schema" if before is None else "Answers need not follow a JSON schema any more"
        )
    else:
        text = f"The JSON schema of answers changed{_schema_words(before, after)}"
    old, new = UNSET if before is None else before, UNSET if after is None else after
    yield _one("output_schema", "output_schema", old, new, text)


def _schema_words(before: Json, after: Json) -> str:
    said: list[str] = []
    for name, old, new in _pairs(_fields_of(before), _fields_of(after)):
        said.append(f"{name} {'is new' if old is UNSET else 'is gone' if new is UNSET else 'changed'}")
    if not said and list(_fields_of(before)) != list(_fields_of(after)):
        said.append("the order of its fields")
    return f": {', '.join(said[:8])}{', ...' if len(said) > 8 else ''}" if said else ""


def _fields_of(schema: Json) -> Json:
    """The fields of an object; of a schema in an envelope (``{"name": ..., "schema": {...}}``) those of the inner."""
    inner: Any = schema.get("schema") if isinstance(schema.get("schema"), dict) else schema
    found = inner.get("properties")
    return cast("Json", found) if isinstance(found, dict) else {}


def _rules(before: Json, after: Json) -> Iterator[ReleaseChange]:
    for name, old, new in _pairs(before, after):
        if old is UNSET:
            text = f"New rule: {name} is {_short(new)}"
        elif new is UNSET:
            text = f"The rule {name} is gone (it was {_short(old)})"
        else:
            text = f"The rule {name} was {_moved(old, new)}"
        yield _one("policy", f"policy.{name}", old, new, text)


def _variables(before: Json, after: Json) -> Iterator[ReleaseChange]:
    for name, old, new in _pairs(before, after):
        if old is UNSET:
            text = f"{name} is always {_short(new)}"
        elif new is UNSET:
            text = f"{name} is left to the caller (it was always {_short(old)})"
        else:
            text = f"{name} is always {_short(new)} instead of {_short(old)}"
        yield _one("variables", f"variables.{name}", old, new, text)


def _optional(
    area: Area, does: str, before: Json | None, after: Json | None, titles: Mapping[str, str], field: str = ""
) -> Iterator[ReleaseChange]:
    """A policy that may not be there. ``does`` says what it does."""
    if _same(before, after):
        return
    field = field or area
    if before is None or after is None:
        text = f"{does}: {_settings(after)}" if after is not None else f"No longer so: {does[0].lower()}{does[1:]}"
        old, new = UNSET if before is None else before, UNSET if after is None else after
        yield _one(area, field, old, new, text)
        return
    for name, old, new in _pairs(before, after):
        title = titles.get(name, name)
        was, now = "its default" if old is UNSET else _short(old), "its default" if new is UNSET else _short(new)
        text = f"{does}, with another setting: {title} {now} instead of {was}"
        yield _one(area, f"{field}.{name}", old, new, text)


def _settings(values: Json | None) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in (values or {}).items()) or "with the defaults"


def _guards(before: tuple[PinnedGuard, ...], after: tuple[PinnedGuard, ...]) -> Iterator[ReleaseChange]:
    old, new = {each.name: each for each in before}, {each.name: each for each in after}
    for name in sorted({*old, *new}):
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        if one is None or other is None:
            text = f"No longer guarded by {name}" if other is None else f"Guarded by {name} (version {other.version})"
        elif one.version != other.version:
            text = f"The guard {name} went from version {one.version} to {other.version}"
        else:
            text = f"The guard {name} is another one of version {one.version}"
        yield _one("guards", f"guards.{name}", _plain(one), _plain(other), text)


def _knowledge(before: tuple[PinnedKnowledge, ...], after: tuple[PinnedKnowledge, ...]) -> Iterator[ReleaseChange]:
    found, either = knowledge_words.told(before, after), {each.corpus for each in (*before, *after)}
    old, new = {each.corpus: each for each in before}, {each.corpus: each for each in after}
    for name, text in found:
        if name not in either:  # of all together
            yield ReleaseChange(area="knowledge", what="changed", where="knowledge", words=text)
            continue
        one, other = (UNSET if each is None else msgspec.to_builtins(each) for each in (old.get(name), new.get(name)))
        yield _one("knowledge", f"knowledge.{name}", one, other, text)


def _plain(guard: PinnedGuard | None) -> Any:
    return UNSET if guard is None else {"version": guard.version, **guard.spec}


def _metadata(before: Json, after: Json) -> Iterator[ReleaseChange]:
    for name, old, new in _pairs(before, after):
        state = "is new" if old is UNSET else "is gone" if new is UNSET else _moved(old, new)
        yield _one("metadata", f"metadata.{name}", old, new, f"Metadata {name} {state}")


def _same(before: object, after: object) -> bool:
    """Order within objects counts: models and templates see it."""
    return msgspec.json.encode(before) == msgspec.json.encode(after)


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."
