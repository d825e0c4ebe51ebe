"""A person's SQL as text: one SELECT that cannot leave the place it is put into.

The text is cut into tokens as the engine's own lexer cuts it (https://github.com/ClickHouse/ClickHouse, Lexer.cpp):
quotes with backslashes and doubled quotes, comments, words, signs. What the two could read differently is not let
through at all: other characters than ASCII outside of quotes, semicolons, here-documents, placeholders, backslashes.
Parentheses must match, so the text stays within those that are put around it; comments become spaces.
"""

import re
from typing import Final

from trimtab.core.errors import InvalidRequest

MAX_LENGTH: Final = 20_000
MAX_DEPTH: Final = 100

_SPACE = re.compile(r"[ \t\r\n]+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9][A-Za-z0-9_.]*")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_SIGNS: Final = "()[],.+-*/%=<>!?:|"
# Of quoted names only what the engine's account of a statement (`sql/tree.py`) cannot be misread by.
_QUOTED_NAME = re.compile(r"[A-Za-z0-9_ .%()*/+-]{1,200}")
_REFUSED: Final = {
    "settings": "Settings cannot be changed. A column of that name is written in backticks.",
    "format": "The answer's format is fixed; format() is called with its parenthesis.",
    "outfile": "Nothing can be written.",
}


def checked(sql: str) -> str:
    """The statement without its comments and without a semicolon at its end. Raises `InvalidRequest`."""
    if len(sql) > MAX_LENGTH:
        raise refused(f"The SQL is longer than {MAX_LENGTH} characters.", "Shorten it.")
    text = sql.strip().removesuffix(";")
    found: list[str] = []
    depth: list[str] = []
    at = 0
    while at < len(text):
        token, end = _token(text, at)
        _nest(depth, token, at)
        found.append(token)
        at = end
    if depth:
        raise refused(f"A {depth[-1]} is never closed.", "Close every parenthesis.")
    words = [token.lower() for token in found if not token.isspace()]
    first = next((word for word in words if word != "("), "")
    if first not in ("select", "with", "from"):
        raise refused("Only a SELECT can be asked for.", "Begin with SELECT or WITH.")
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in _REFUSED and not (word == "format" and after == "("):
            raise refused(f"{word.upper()} cannot be used here.", _REFUSED[word])
    return "".join(found)


def _token(text: str, at: int) -> tuple[str, int]:
    """The token that begins there, as it is passed on, and where the next begins."""
    char = text[at]
    if comment := _COMMENT.match(text, at):
        return " ", comment.end()
    if char in "'\"`":
        end = _quoted(text, at)
        if char != "'" and not _QUOTED_NAME.fullmatch(text[at + 1 : end - 1]):
            raise refused(f"The name {text[at:end][:60]} at position {at + 1} cannot be used.", "Take a plain name.")
        return text[at:end], end
    if text.startswith(("//", "/*"), at):
        raise refused(f"{text[at : at + 2]} at position {at + 1} has no meaning here.", "Comments are -- and /* */.")
    for shape in (_SPACE, _WORD, _NUMBER):
        if found := shape.match(text, at):
            return found[0], found.end()
    if char in _SIGNS:
        return char, at + 1
    fix = "Put text in single quotes; one statement at a time, without parameters."
    raise refused(f"{char!r} at position {at + 1} cannot be used outside of quotes.", fix)


def _quoted(text: str, at: int) -> int:
    """Where it ends: a backslash takes the next character with it, a doubled quote is one."""
    quote = text[at]
    end = at + 1
    while end < len(text):
        if text[end] == "\\":
            end += 2
        elif text[end] == quote:
            if text[end + 1 : end + 2] != quote:
                if "\0" in text[at:end]:
                    break
                return end + 1
            end += 2
        else:
            end += 1
    raise refused(f"The quote at position {at + 1} is never closed.", f"End it with {quote}.")


def _nest(depth: list[str], token: str, at: int) -> None:
    if token in ("(", "["):
        depth.append(token)
        if len(depth) > MAX_DEPTH:
            raise refused(f"Parentheses lie more than {MAX_DEPTH} deep.", "Write it flatter.")
    elif token in (")", "]") and (not depth or depth.pop() != {")": "(", "]": "["}[token]):
        raise refused(f"The {token} at position {at + 1} was never opened.", "Let parentheses match.")


def refused(what: str, fix: str) -> InvalidRequest:
    return InvalidRequest(what, fix=fix, param="sql")
