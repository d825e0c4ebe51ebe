"""What policies decide: sets side by side, what is remembered, and that errors close the door."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.governance import policy_examples
from trimtab.governance.policy_eval import (
    Compiled,
    Compiler,
    Engine,
    Facts,
    PolicySet,
    What,
    Who,
    engine_of,
    refusal,
)
from trimtab.governance.policy_examples import Asker, PolicyExample, PolicySubject, Situation, plain
from trimtab.governance.policy_schema import CALL_FIELDS, DEED_FIELDS

EU = """@id("eu")
@reason("Personal data stays in the EU.")
@fix("Call a model in the EU.")
forbid(principal, action == Action::"call_model", resource)
when { context.data_class == "personal" } unless { resource.local || resource.region like "eu-*" };"""
ONLY = """@id("listed")
permit(principal in Role::"client", action == Action::"call_model", resource in Provider::"mistral");"""
ME = Who(id="key_1", name="mobile")


def model(region: str = "us-east-1", provider: str = "openai", *, local: bool = False, **more: Any) -> What:
    attrs = {"name": "m", "provider": provider, "kind": provider, "upstream": "m", "region": region, "local": local}
    attrs |= {"data_classes": (), "terms": ()} | more
    return What(id="m", attrs=attrs, parents=(("Provider", provider),))


def named(*texts: str, otherwise: Any = "allow") -> Engine:
    return engine_of([PolicySet(name=f"set{n}", text=text, otherwise=otherwise) for n, text in enumerate(texts)])


def test_a_forbid_that_fits_is_told_with_its_set_its_name_and_its_annotations() -> None:
    engine, facts = named(EU), Facts(data_class="personal")
    verdict = engine.decide("call_model", ME, model(), facts)
    assert (verdict.allowed, verdict.set, verdict.policy) == (False, "set0", "eu")
    error = refusal(verdict, "This call goes nowhere.")
    assert (error.status, error.code, error.fix) == (403, "policy_forbidden", "Call a model in the EU.")
    assert "The policy 'eu' of 'set0' forbids it: Personal data stays in the EU." in error.message
    assert engine.decide("call_model", ME, model("eu-west-1"), facts).allowed
    assert engine.decide("call_model", ME, model(local=True), facts).allowed
    assert engine.decide("call_model", ME, model(), Facts(data_class="public")).allowed


def test_what_no_policy_permits_is_forbidden_where_a_set_says_so_for_the_actions_it_names_alone() -> None:
    engine = named(ONLY, otherwise="deny")
    assert engine.decide("call_model", ME, model(provider="mistral"), Facts()).allowed
    refused = engine.decide("call_model", ME, model(), Facts())
    assert (refused.allowed, refused.policy) == (False, "")
    assert refused.sentence() == "No policy of 'set0' permits it."
    assert engine.decide("call_tool", ME, plain("call_tool", "search"), Facts()).allowed
    assert not engine.speaks_of("call_tool")


def test_one_set_cannot_undo_what_another_forbids() -> None:
    everything = "permit(principal, action, resource);"
    assert not named(EU, everything).decide("call_model", ME, model(), Facts(data_class="personal")).allowed
    assert not named(everything, EU).decide("call_model", ME, model(), Facts(data_class="personal")).allowed


def test_people_keys_and_machines_are_told_apart_and_so_are_roles_and_projects() -> None:
    text = """forbid(principal is Key, action == Action::"promote", resource);
    forbid(principal in Role::"operator", action == Action::"approve", resource == App::"support");
    forbid(principal in Project::"shop", action == Action::"export", resource)
      when { context.environment == "" && resource.kind == "dataset" };"""
    engine, app = named(text), plain("promote", "support")
    person = Who(kind="User", id="p", role="operator")
    assert not engine.decide("promote", ME, app, Facts()).allowed
    assert engine.decide("promote", person, app, Facts()).allowed
    assert not engine.decide("approve", person, app, Facts()).allowed
    assert engine.decide("approve", person, plain("approve", "other"), Facts()).allowed
    cases = plain("export", "cases", "dataset")
    assert not engine.decide("export", Who(id="k", project="shop"), cases, Facts()).allowed
    assert engine.decide("export", Who(id="k", project="lab"), cases, Facts()).allowed


def test_a_policy_that_errs_and_a_set_that_cannot_be_read_forbid() -> None:
    overflow = 'permit(principal, action == Action::"call_model", resource) when { context.class_rank * 9223372036854775807 > 0 };'  # noqa: E501
    erring = named(overflow).decide("call_model", ME, model(), Facts(class_rank=3))
    assert not erring.allowed
    assert "could not be evaluated, so nothing is allowed" in erring.sentence()
    broken = Engine(
        [Compiled(PolicySet(name="old", text="forbid(principal, action, resource) when { context.gone };"))]
    )
    verdict = broken.decide("export", ME, plain("export", "x"), Facts())
    assert (verdict.allowed, verdict.set) == (False, "old")
    assert "line 1" in broken.broken["old"]
    assert refusal(verdict, "No.").code == "policy_error"


def test_a_request_that_does_not_fit_the_schema_is_refused() -> None:
    engine = named(EU)
    assert not engine.decide("call_model", ME, What(id="m", attrs={"name": "m"}), Facts()).allowed


@given(name=st.text(max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_name_can_be_asked_about(name: str) -> None:
    """Names come from callers: quotes, newlines and zero bytes are letters, and never Cedar."""
    engine = named(EU)
    verdict = engine.decide("call_model", Who(id=name, name=name), model(), Facts(user=name, tags=(name,)))
    assert verdict.allowed
    assert engine.decide("call_tool", ME, plain("call_tool", name), Facts(feature=name)).allowed


def test_only_the_fields_that_policies_look_at_tell_decisions_apart() -> None:
    seen = named(EU).seen
    assert seen["call_model"] == ("data_class",)
    assert seen["promote"] == ()
    inside = 'forbid(principal, action, resource) when { [context.environment, "x"].contains("y") && context has app };'
    assert named(inside).seen["promote"] == ("app", "environment")
    whole = 'forbid(principal, action == Action::"call_tool", resource) when { context == context };'
    assert named(whole).seen["call_tool"] == CALL_FIELDS
    assert named(EU, inside).seen["call_model"] == ("data_class", "app", "environment")
    assert set(DEED_FIELDS) < set(CALL_FIELDS)


def test_the_hour_the_weekday_and_the_minute_are_utc() -> None:
    text = """forbid(principal, action == Action::"promote", resource)
      when { context.hour == 23 && context.weekday == 7 && context.now < datetime("2026-11-23") };"""
    sunday_night = 1_795_389_300  # 2026-11-22 23:15 UTC
    engine = named(text)
    assert not engine.decide("promote", ME, plain("promote", "a"), Facts(at_s=sunday_night)).allowed
    assert engine.decide("promote", ME, plain("promote", "a"), Facts(at_s=sunday_night + 3600)).allowed


def test_a_set_is_read_once_however_often_the_configuration_changes() -> None:
    compiler, one = Compiler(), PolicySet(name="a", text=EU)
    assert compiler.compiled(one) is compiler.compiled(PolicySet(name="a", text=EU))
    compiler.keep([])
    assert compiler.compiled(one) is not Compiler().compiled(one)


def example(expect: Any, region: str, **more: Any) -> PolicyExample:
    return PolicyExample(
        name=region,
        expect=expect,
        action="call_model",
        principal=Asker(role="client"),
        resource=PolicySubject(name="m", region=region),
        context=Situation(data_class="personal"),
        **more,
    )


def test_examples_beside_a_set_hold_or_are_named() -> None:
    source, order = PolicySet(name="data", text=EU), ("public", "personal")
    policy_examples.check(source, [example("deny", "us", policy="eu"), example("allow", "eu-west-1")], order)
    with pytest.raises(InvalidRequest) as refused:
        policy_examples.check(source, [example("allow", "us"), example("deny", "us", policy="other")], order)
    assert refused.value.code == "policy_tests_failed"
    assert "2 of the 2 tests" in refused.value.message
    assert "Personal data stays in the EU." in refused.value.message
    assert "'eu' forbids it, not 'other'" in refused.value.message


def test_an_example_of_ranks_goes_by_the_projects_own_order() -> None:
    text = 'forbid(principal, action == Action::"call_model", resource) when { context.class_rank >= 1 };'
    asked = example("deny", "us")
    [outcome] = policy_examples.run(PolicySet(name="r", text=text), [asked], ("public", "personal"))
    assert outcome.passed
    [outcome] = policy_examples.run(PolicySet(name="r", text=text), [asked], ("personal", "secret"))
    assert (outcome.passed, outcome.why) == (False, "It is allowed.")
