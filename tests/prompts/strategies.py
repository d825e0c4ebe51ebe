"""Prompts of any shape, for properties."""

from typing import Any

from hypothesis import strategies as st

from trimtab.prompts.types import Content, Message, Role, Variable

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
LINES = st.lists(st.one_of(TEXT, st.sampled_from(["@user", "\\@system", "@messages x", "---", "  indented", ""])))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 60), 1 << 60),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXT,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
NAMES = st.from_regex(r"v_[a-z0-9_]{1,8}", fullmatch=True)


def _message(role: Role, lines: list[str]) -> Message:
    return Message(role=role, text="\n".join(lines))


def _text(default: str) -> Variable:
    return Variable(default=default)


def _object(default: dict[str, Any]) -> Variable:
    return Variable(type="object", default=default)


_ROLES: list[Role] = ["system", "developer", "user", "assistant"]
MESSAGES = st.builds(
    _message,
    st.sampled_from(_ROLES),
    LINES.filter(lambda lines: bool("\n".join(lines).replace("\r", "\n").strip("\n").strip())),
)
VARIABLES = st.one_of(
    st.builds(Variable, description=TEXT, examples=st.lists(TEXT, max_size=2).map(tuple)),
    st.builds(_text, TEXT),
    st.builds(_object, OBJECTS),
)
CONTENTS = st.builds(
    Content,
    description=TEXT,
    variables=st.dictionaries(NAMES, VARIABLES, max_size=3),
    messages=st.lists(MESSAGES, min_size=1, max_size=4).map(tuple),
    parameters=OBJECTS,
    tools=st.lists(OBJECTS, max_size=2).map(tuple),
    policy=OBJECTS,
    metadata=OBJECTS,
)
