"""What is wrong with a set of policies, by line, with a way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.governance import policy_text
from trimtab.governance.policy_text import mistakes, pieces

GOOD = """// personal; data
@id("eu")
@reason("Personal data stays in the EU.")
forbid(principal, action == Action::"call_model", resource)
when { context.data_class == "personal" }
unless { resource.region like "eu-*" };

permit(principal in Role::"admin", action in [Action::"promote", Action::"approve"], resource);
"""


@pytest.mark.parametrize(
    ("text", "line", "column", "says", "fix"),
    [
        (GOOD + "\nforbid(principal,\n  action == , resource);", 11, 13, "unexpected token", "A policy is"),
        (GOOD + "forbd(principal, action, resource);", 9, 1, "invalid policy effect", "Did you mean 'forbid'?"),
        (GOOD + "forbid(principal, action, resource) when\n{ resource.name = 1 };", 10, 17, "=", "Compare with '=='"),
        (GOOD + 'forbid(principal, action, resource)\nwhen { "x', 10, 8, "invalid token", "never ends"),
        (GOOD + "forbid(principal, action, resource)", 9, 35, "ends too early", "End it with ';'"),
        ("forbid(principal == ?principal, action, resource);", 1, 21, "slot of a template", "Name what it is about"),
        ('forbid(principal, action == Action::"call_modle", resource);', 1, 37, "Unrecognized action", "call_model"),
        ("forbid(principal is Human, action, resource);", 1, 21, "Unrecognized entity type", "Types are Key"),
        (
            'forbid(principal, action == Action::"call_model", resource)\nwhen { context.data_clas == "x" };',
            2, 16, "`data_clas` in context", "Did you mean 'data_class'?",
        ),
        (
            'forbid(principal, action == Action::"promote", resource) when { context.feature == "x" };',
            1, 73, "`feature` in context", "What people do knows data_class",
        ),
        (
            'forbid(principal, action == Action::"call_model", resource) when { context.class_rank == "x" };',
            1, 1, "Long and String", "schema",
        ),
        ('@id("a") forbid(principal, action, resource);\n' * 2, 2, 1, "'a'", "own @id"),
        ("// nothing\n", 1, 1, "no policy", "Write for example"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_a_way_out(text: str, line: int, column: int, says: str, fix: str) -> None:
    found = mistakes(text)
    assert (found[0].line, found[0].column) == (line, column), found
    assert says in found[0].message
    assert fix in found[0].fix
    with pytest.raises(InvalidRequest) as refused:
        policy_text.check(text)
    assert refused.value.message.startswith(f"Line {line}: ")


def test_a_good_text_has_no_mistakes_and_its_policies_have_their_names() -> None:
    assert mistakes(GOOD) == []
    assert [(each.name, each.annotations.get("reason")) for each in policy_text.read(GOOD)] == [
        ("eu", "Personal data stays in the EU."),
        ("policy1", None),
    ]


def test_every_mistake_of_a_text_is_told_not_only_the_first() -> None:
    text = "forbid(principal, action == , resource);\n" + GOOD + "permit(principl, action, resource);"
    assert [each.line for each in mistakes(text)] == [1, 10]


def test_more_than_a_set_may_hold_is_refused() -> None:
    assert "Keep it to 200" in mistakes("permit(principal, action, resource);" * 201)[0].fix
    assert "below 100000" in mistakes("/" * 100_001)[0].fix


@given(st.text(alphabet='pe rmit(),;"=/\n\\{}@id?ü\0', max_size=60))
def test_no_text_breaks_the_checker(text: str) -> None:
    found = mistakes(text)
    assert all(each.line >= 1 and each.column >= 1 and each.message and each.fix for each in found)
    assert sum(len(part.words) for part in pieces(text)) <= len(text)
