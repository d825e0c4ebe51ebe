"""Filters and paths as providers write them, and any others: read whole or refused with SCIM's own word."""

import string
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.governance.scim.filters import (
    Both,
    Compare,
    Either,
    Filter,
    Not,
    Path,
    Present,
    Within,
    equal_to,
    matches,
    parse,
    parse_target,
)
from trimtab.governance.scim.schemas import ENTERPRISE, GROUPS, USERS

ADA: dict[str, Any] = {
    "id": "usr_1",
    "userName": "Ada@Example.com",
    "externalId": "00uABC",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "active": True,
    "emails": [
        {"value": "ada@example.com", "type": "work", "primary": True},
        {"value": "ada@home.example", "type": "home"},
    ],
    ENTERPRISE: {"department": "Engines", "manager": {"value": "usr_0"}},
    "meta": {"lastModified": "2026-05-13T04:42:34.000Z"},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('userName eq "ada@example.com"', True),  # Okta and Entra ID, before they make anybody
        ('USERNAME Eq "ADA@EXAMPLE.COM"', True),
        ('externalId eq "00uABC"', True),
        ('externalId eq "00uabc"', False),  # of ids case counts
        ('id eq "usr_1" and active eq true', True),
        ('active eq "True"', True),  # Entra ID
        ('emails[type eq "work" and value co "@example.com"]', True),
        ('emails[type eq "home" and value co "@example.com"]', False),
        ('emails.type eq "home"', True),
        ('emails co "home.example"', True),
        ('emails[type eq "work"] and not (name.familyName sw "B")', True),
        ('userType ne "Employee" and not (emails co "example.org")', True),
        (f'{ENTERPRISE}:department eq "engines"', True),
        (f'{ENTERPRISE}:manager.value eq "usr_0"', True),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ada"', True),
        ("title pr", False),
        ("name pr and emails pr", True),
        ('title pr or userName ew ".com"', True),
        ('userName eq "x" or userName sw "ada" and active eq false', False),
        ('(userName eq "x" or userName sw "ada") and active eq true', True),
        ('meta.lastModified gt "2026-01-01T00:00:00Z"', True),
        ("title eq null", True),
        ("userName ne null", True),
        ('userName eq "a\\"b"', False),
        ("userName gt 5", False),
    ],
)
def test_a_filter_holds_as_the_rfc_says(text: str, holds: bool) -> None:
    assert matches(parse(text, USERS), ADA, USERS) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "userName",
        "userName eq",
        'userName is "a"',
        'userName eq "a',
        "userName eq ada",
        'userName eq "a" and',
        '(userName eq "a"',
        'emails[type eq "work"',
        'userName eq "a")',
        '"a" eq userName',
        "1userName pr",
        'not userName eq "a"',
        "(" * 30 + "userName pr" + ")" * 30,
        'userName eq "' + "a" * 5_000 + '"',
    ],
)
def test_what_is_no_filter_is_refused_with_a_word_for_it(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(text, USERS)
    assert refused.value.code == "invalidFilter"


NAMES = st.sampled_from(("userName", "title", "name.givenName", "emails.type", "active", f"{ENTERPRISE}:department"))
TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)


def path_of(text: str) -> Path:
    schema, _, name = text.rpartition(":")
    name, _, part = name.partition(".")
    return Path(schema, name, part)


LEAVES = st.one_of(
    st.builds(
        Compare,
        NAMES.map(path_of),
        st.sampled_from(("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")),
        st.one_of(TEXTS, st.booleans(), st.none(), st.integers(-(10**9), 10**9)),
    ),
    st.builds(Present, NAMES.map(path_of)),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Both, inner, inner),
        st.builds(Either, inner, inner),
        st.builds(Not, inner),
        st.builds(Within, st.just(Path("", "emails")), inner),
    ),
    max_leaves=8,
)


def written(found: Filter) -> str:
    """With all brackets there could be."""
    match found:
        case Both():
            return f"({written(found.left)}) and ({written(found.right)})"
        case Either():
            return f"({written(found.left)}) or ({written(found.right)})"
        case Not():
            return f"not ({written(found.inner)})"
        case Within():
            return f"{found.path}[{written(found.inner)}]"
        case Present():
            return f"{found.path} pr"
        case Compare():
            return f"{found.path} {found.op} {msgspec.json.encode(found.value).decode()}"


@given(FILTERS)
def test_what_is_written_is_read_back_and_judged_by_logic(found: Filter) -> None:
    assert parse(written(found), USERS) == found
    judged = matches(found, ADA, USERS)
    assert matches(Not(found), ADA, USERS) is not judged
    assert matches(Both(found, found), ADA, USERS) is judged
    assert matches(Either(found, Not(found)), ADA, USERS)


def refusal_of(read: Callable[[], object]) -> str:
    """The code of a refusal, empty for none; anything else goes through."""
    try:
        read()
    except InvalidRequest as error:
        return error.code
    return ""


ALPHABET = string.ascii_letters + string.digits + ' "\\()[].:-_$\t\n\x00é' + "eqandornotpr"


@given(st.text(ALPHABET, max_size=60))
def test_no_text_is_more_than_a_filter_or_a_refusal(text: str) -> None:
    for read in (parse, parse_target):
        for kind in (USERS, GROUPS):
            assert refusal_of(lambda read=read, kind=kind: read(text, kind)) in ("", "invalidFilter", "invalidPath")


def test_an_index_may_be_asked_only_where_all_else_depends_on_it() -> None:
    def asked(text: str) -> str | None:
        return equal_to(parse(text, USERS), "userName")

    assert asked('userName eq "a"') == "a"
    assert asked('active eq true and username eq "a"') == "a"
    assert asked('userName eq "a" or active eq true') is None
    assert asked('not (userName eq "a")') is None
    assert asked('userName sw "a"') is None
