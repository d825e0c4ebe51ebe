"""The policies of docs/policies.md hold what their tests beside them say."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from trimtab.governance import policies
from trimtab.governance.policies import Draft
from trimtab.governance.policy_eval import PolicySet
from trimtab.governance.policy_examples import PolicyExample, run
from trimtab.governance.policy_schema import ACTIONS, CALL_FIELDS

PAGE = Path(__file__).parents[2] / "docs/policies.md"
PAIRS = re.findall(r"```cedar\n(.*?)```.*?```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def examples(text: str) -> tuple[PolicyExample, ...]:
    return msgspec.convert(yaml.safe_load(text), tuple[PolicyExample, ...])


def test_the_page_has_its_worked_examples() -> None:
    assert len(PAIRS) == PAGE.read_text("utf-8").count("```cedar") == 4


@pytest.mark.parametrize(("text", "tests"), PAIRS)
def test_a_worked_example_is_good_and_its_tests_hold(text: str, tests: str) -> None:
    policies.check("docs", Draft(text=text, tests=examples(tests)))


@pytest.mark.parametrize(("text", "tests"), PAIRS)
def test_its_tests_would_fail_without_its_policies(text: str, tests: str) -> None:
    del text
    nothing = PolicySet(name="docs", text="permit(principal, action, resource);")
    outcomes = run(nothing, examples(tests), ("public", "internal", "confidential", "personal"))
    assert any(not each.passed for each in outcomes)


def test_the_page_names_every_action_and_every_field_of_a_call() -> None:
    page = PAGE.read_text("utf-8")
    assert [name for name in (*ACTIONS, *CALL_FIELDS) if f"`{name}`" not in page] == []
