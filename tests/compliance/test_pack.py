"""A control speaks of sections that there are, says what nobody can show, and is called shown by records alone."""

import pytest

from trimtab.compliance.frameworks import REGISTRY
from trimtab.compliance.pack import build, digest_of, has_something, mapped
from trimtab.compliance.render_html import pack
from trimtab.compliance.rows import Scope
from trimtab.compliance.types import Asked, Framework, Period, Section

NAMES = frozenset(
    (
        "apps", "releases", "approvals", "rollouts", "incidents", "overrides", "evaluations", "red_team", "judges",
        "human_oversight", "guards", "policies", "datasets", "data", "legal_holds", "access", "operation", "audit_log",
    )
)  # fmt: skip
SCOPE = Scope(project_id="p", period=Period(start=0, end=10))


def section(name: str, total: int = 0, **figures: int) -> Section:
    rows = tuple(("a",) for _ in range(total))
    return Section(
        name=name, title=name, about="", source="x", columns=("one",), rows=rows, total=total, figures={**figures}
    )


@pytest.mark.parametrize("name", REGISTRY.names())
def test_every_control_names_sections_that_there_are_or_what_is_missing(name: str) -> None:
    framework = REGISTRY.get(name)
    assert framework.name == name
    assert len({each.id for each in framework.controls}) == len(framework.controls)
    for each in framework.controls:
        assert set(each.sections) <= NAMES, each.id
        assert each.sections or each.add, f"{each.id} says neither what shows it nor that nothing does"
        assert each.asks.endswith(".")


def test_what_is_shown_follows_the_records() -> None:
    framework = Framework(
        name="f",
        title="F",
        edition="1",
        controls=(
            Asked(id="1", title="", asks="", sections=("releases", "approvals")),
            Asked(id="2", title="", asks="", sections=("releases",)),
            Asked(id="3", title="", asks="", sections=("approvals",)),
            Asked(id="4", title="", asks="", add="All of it."),
        ),
    )
    found = mapped(framework, [section("releases", 2), section("approvals")])
    assert [each.shown for each in found.controls] == ["partly", "shown", "nothing_yet", "not_here"]
    assert found.controls[0].empty == ("approvals",)


def test_figures_of_zero_are_nothing() -> None:
    assert not has_something(section("guards", 0, blocked=0))
    assert has_something(section("guards", 0, blocked=1))


def test_the_same_records_give_the_same_digest_whoever_asks_and_when() -> None:
    sections = [section("releases", 2)]
    first = build("p", SCOPE, sections, frameworks=["eu_ai_act"], made=1, made_by="Ada")
    second = build("p", SCOPE, sections, frameworks=["eu_ai_act"], made=2, made_by="Grace")
    assert first.digest == second.digest == digest_of(second)
    other = build("p", SCOPE, [section("releases", 3)], frameworks=["eu_ai_act"], made=1, made_by="Ada")
    assert other.digest != first.digest
    assert len(build("p", SCOPE, sections, frameworks=(), made=1, made_by="").frameworks) == len(REGISTRY.names())


def test_a_page_of_evidence_names_the_last_day_that_is_in_it() -> None:
    """The period's end is the first moment after it: named it would promise a day that nobody looked at."""
    scope = Scope(project_id="p", period=Period(start=1_782_864_000_000, end=1_790_812_800_000))
    page = pack(build("p", scope, [section("releases", 1)], frameworks=["eu_ai_act"], made=1, made_by="Ada"))
    assert "2026-07-01 to 2026-09-30, both days (UTC)" in page
    assert "2026-10-01" not in page
