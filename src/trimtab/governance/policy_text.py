"""Cedar text as people write it: where each policy stands, and what is wrong with it, by line, with a way out.

Cedar names the mistake but not its place, so we find that: the text is cut into its policies; in one that cannot be
read, the first word is looked for up to which it cannot be read; in one that does not fit the schema, the word that the
message names.
"""

import difflib
import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.governance.policy_schema import ACTIONS, CALL_FIELDS, DEED_FIELDS, SCHEMA

if TYPE_CHECKING:  # imported with the first policy: it takes 40 ms of a processor, and most servers have none
    import cedarpy

MOST_CHARACTERS: Final = 100_000
MOST_POLICIES: Final = 200
"""Of one set."""
_TOKEN: Final = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|\d+|\s+|::|==|!=|<=|>=|&&|\|\||.', re.DOTALL)
_QUOTED: Final = re.compile(r"`((?:[^`\\]|\\.)+)`")
_WORD: Final = re.compile(r"\w+")
_NAMED: Final = re.compile(r"'([^']+)' is not|: (\w+)$")
_UNEXPECTED: Final = re.compile(r"unexpected token `([^`]+)`")
_CONSEQUENCE: Final = "applicable action given the policy scope"
"""Told of a policy beside the mistake that is its cause."""
_END: Final = "unexpected end"


class Mistake(Struct, frozen=True, kw_only=True):
    """``line`` and ``column`` count from 1; ``policy`` is the ``@id`` (or ``policy0``) of the one it is in, if any."""

    line: int
    column: int
    message: str
    fix: str
    policy: str = ""


class Word(Struct, frozen=True):
    """A token that is no blank and no comment, with its place in the text."""

    text: str
    at: int


class Piece(Struct, frozen=True):
    """One policy of the text: ``at`` is where its first word stands."""

    words: tuple[Word, ...]
    at: int
    end: int


class Read(Struct, frozen=True, kw_only=True):
    """A policy as Cedar's JSON has it, with the name it is told by and its annotations."""

    number: int
    name: str
    annotations: dict[str, str]
    body: dict[str, Any]


@functools.cache
def schema() -> "cedarpy.Schema":
    """Our schema, read once."""
    import cedarpy

    return cedarpy.Schema.from_str(SCHEMA)


def pieces(text: str) -> list[Piece]:
    """The policies of a text, in order; the last one may lack its ``;``."""
    found: list[Piece] = []
    words: list[Word] = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word.isspace() or word.startswith("//"):
            continue
        words.append(Word(word, match.start()))
        if word == ";":
            found.append(Piece(tuple(words), words[0].at, match.end()))
            words = []
    if words:
        found.append(Piece(tuple(words), words[0].at, len(text)))
    return found


def mistakes(text: str) -> list[Mistake]:
    """Everything that is wrong with a set's text, in order of lines; empty for a good one."""
    if len(text) > MOST_CHARACTERS:
        return [_at(text, 0, f"The text has {len(text)} characters.", f"Keep it below {MOST_CHARACTERS}: split it.")]
    parts = pieces(text)
    if not parts:
        fix = 'Write for example: forbid(principal, action == Action::"call_model", resource) when { ... };'
        return [_at(text, 0, "There is no policy in it.", fix)]
    if len(parts) > MOST_POLICIES:
        return [_at(text, 0, f"There are {len(parts)} policies in it.", f"Keep it to {MOST_POLICIES}: split it.")]
    unread = [found for part in parts if (found := _unread(text, part)) is not None]
    return unread or sorted(_misnamed(text) + _unfit(text, parts), key=lambda each: (each.line, each.column))


def check(text: str) -> None:
    """Raises `InvalidRequest` that names every mistake with its line."""
    found = mistakes(text)
    if found:
        told = " ".join(f"Line {each.line}: {each.message}" for each in found[:5])
        raise InvalidRequest(told, fix=found[0].fix, code="policy_invalid", param="text")


def read(text: str) -> list[Read]:
    """The policies of a good text, as Cedar reads them, in order."""
    import cedarpy

    whole = cast("dict[str, Any]", msgspec.json.decode(cedarpy.policies_to_json_str(text)))
    found: list[Read] = []
    policies = cast("dict[str, dict[str, Any]]", whole["staticPolicies"])
    for key, body in policies.items():
        said = {name: value or "" for name, value in cast("dict[str, str | None]", body.get("annotations", {})).items()}
        found.append(Read(number=_number(key), name=said.get("id") or key, annotations=said, body=body))
    return sorted(found, key=lambda each: each.number)


# --- a policy that cannot be read ---


def _error(text: str) -> str:
    """Why Cedar cannot read it; empty where it can."""
    import cedarpy

    try:
        cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        return str(error)
    return ""


def _unread(text: str, part: Piece) -> Mistake | None:
    """The first mistake of a policy that cannot be read, at the word up to which it can."""
    own = text[part.at : part.end]
    why = _error(own)
    if not why:
        return _template(text, part)
    words = part.words
    pairs = cast("list[tuple[str, str]]", _NAMED.findall(why))
    named = {word for pair in pairs for word in pair if word}
    if why == "invalid token":
        named.add('"')
    for word in words:
        if word.text in named:
            return _at(text, word.at, f"Cedar cannot read this: {why.rstrip('.')}.", _mend(word.text))
    low, high = 0, len(words) - 1  # the first word with which what was right so far is wrong
    while low < high:
        middle = (low + high) // 2
        here = words[middle]
        so_far = _error(text[part.at : here.at + len(here.text)])
        if so_far and _END not in so_far:
            high = middle
        else:
            low = middle + 1
    word = words[low]
    token = _UNEXPECTED.search(why)
    if token is not None and token[1] != word.text:  # Cedar went on after it, to see more
        word = next((each for each in reversed(words[:low]) if each.text == token[1]), word)
    if _END in why:
        return _at(text, part.end - 1, "The policy ends too early.", "End it with ';', and close every '(' and '{'.")
    return _at(text, word.at, f"Cedar cannot read this: {why}.", _mend(word.text))


def _template(text: str, part: Piece) -> Mistake | None:
    for first, second in zip(part.words, part.words[1:], strict=False):
        if first.text == "?" and second.text in ("principal", "resource"):
            fix = f"Name what it is about, or write plain '{second.text}' and a condition."
            return _at(text, first.at, f"'?{second.text}' is a slot of a template, and nothing fills it here.", fix)
    return None


def _mend(word: str) -> str:
    close = difflib.get_close_matches(
        word, ("permit", "forbid", "when", "unless", "principal", "action", "resource"), 1
    )
    if close and close[0] != word:
        return f"Did you mean '{close[0]}'?"
    if word == "=":
        return "Compare with '=='."
    if word == '"':
        return "A text begins here and never ends: close it with a double quote."
    if word.startswith("'"):
        return 'Texts stand in double quotes: "...".'
    return 'A policy is: forbid(principal, action == Action::"call_model", resource) when { ... };'


# --- a policy that does not fit ---


def _misnamed(text: str) -> list[Mistake]:
    """Two policies of one name: nobody could say which of them decided."""
    found: list[Mistake] = []
    seen: set[str] = set()
    for piece, each in zip(pieces(text), read(text), strict=True):
        if each.name in seen:
            message = f"Two policies have the name {each.name[:80]!r}."
            found.append(_at(text, piece.at, message, "Give each its own @id.", each.name))
        seen.add(each.name)
    return found


def _unfit(text: str, parts: list[Piece]) -> list[Mistake]:
    import cedarpy

    validate: Callable[..., cedarpy.ValidationResult] = cedarpy.validate_policies  # pyright: ignore  untyped dicts
    names = {f"policy{each.number}": each.name for each in read(text)}
    found: dict[tuple[int, str], Mistake] = {}
    for error in validate(text, schema()).errors:
        raw = str(error.error)
        part = parts[_number(error.policy_id)] if error.policy_id in names else parts[0]
        where = _place(part, raw)
        said = raw.split("`, ", 1)[1] if raw.startswith("for policy `") else raw
        name = names.get(error.policy_id, "")
        made = _at(text, where, f"{said[:1].upper()}{said[1:]}.", _way_out(raw), name)
        found.setdefault((made.line, made.message), made)
    plain = [each for each in found.values() if _CONSEQUENCE not in each.message]
    told = {each.policy for each in plain}
    return plain + [each for each in found.values() if _CONSEQUENCE in each.message and each.policy not in told]


def _place(part: Piece, message: str) -> int:
    """Where what a message names stands in the policy; the policy's beginning where it names nothing of it."""
    for quoted in _QUOTED.findall(message.split("`, ", 1)[-1]):
        wanted = cast("list[str]", _WORD.findall(quoted))
        for target in reversed(wanted):
            for word in part.words:
                if word.text.strip('"') == target and target not in ("Action", "context"):
                    return word.at
    return part.at


def _way_out(message: str) -> str:
    """What was probably meant, from the names of the schema."""
    if "attribute" in message and "not found" in message:
        quoted = cast("list[str]", _QUOTED.findall(message))
        word = quoted[-1].split(".")[-1] if quoted else ""
        for candidate in quoted:
            if re.fullmatch(r"[a-z_]\w*", candidate) and not candidate.startswith("policy"):
                word = candidate
        known = _attributes()
        if word in known:
            fix = f"What people do knows {', '.join(DEED_FIELDS)}" if "context" in message else "Not all types have it"
            return f"{fix}; see the schema: trimtab policies schema."
        close = difflib.get_close_matches(word, known, 1)
        return f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(CALL_FIELDS)}; see the schema."
    if "action" in message:
        words = cast("list[str]", re.findall(r'Action::\\?"(\w+)', message))
        close = difflib.get_close_matches(words[0], ACTIONS, 1) if words else []
        if close and close[0] != words[0]:
            return f'Did you mean Action::"{close[0]}"?'
        return f"Actions are {', '.join(ACTIONS)}; a resource must be of the type that its action is about."
    if "entity type" in message:
        return "Types are Key, ServiceAccount, User, Role, Project, Organisation, Provider, Model, Tool, App, Content."
    if "optional" in message:
        return "Ask first whether it is there: 'x has y && x.y == ...'."
    return "Compare it with the schema: trimtab policies schema."


@functools.cache
def _attributes() -> tuple[str, ...]:
    names = re.findall(r"(\w+): ", re.sub(r"//[^\n]*|appliesTo \{[^}]*\}", "", SCHEMA))
    return tuple(dict.fromkeys(cast("list[str]", names)))


def _at(text: str, place: int, message: str, fix: str, policy: str = "") -> Mistake:
    before = text[:place]
    column = place - (before.rfind("\n") + 1) + 1
    return Mistake(line=before.count("\n") + 1, column=column, message=message, fix=fix, policy=policy)


def _number(key: str) -> int:
    return int(key.removeprefix("policy"))
