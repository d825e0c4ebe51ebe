"""From a prompt and values to messages: the same ones every time, and a clear error for everything else."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import NotFound
from trimtab.prompts.budget import Bounds
from trimtab.prompts.canonical import content_hash, normal
from trimtab.prompts.check import Resolve, gather
from trimtab.prompts.render import Compiled, Rendered
from trimtab.prompts.types import Content, Message, PromptError, Reference, Source, Variable

DECLARED = {
    "who": Variable(default="Ada"),
    "many": Variable(type="array", default=[1, 2, 3]),
    "some": Variable(type="object", default={"a": {"b": 1}, "items": 2}),
    "nothing": Variable(default=None),
}


def source(text: str, variables: Mapping[str, Variable] = DECLARED, name: str = "p", **more: Any) -> Source:
    content = normal(Content(messages=(Message(text=text),), variables=dict(variables), **more))
    return Source(name=name, version=1, hash=content_hash(content), content=content)


def among(included: Mapping[str, Source]) -> Resolve:
    def resolve(reference: Reference) -> Source:
        if reference.name not in included:
            raise NotFound(f"no {reference}")
        return included[reference.name]

    return resolve


def said(
    text: str, values: Mapping[str, Any] | None = None, included: Mapping[str, Source] | None = None, **more: Any
) -> str:
    bundle = gather(source(text, **more), among(included or {}))
    return Compiled(bundle).render(values or {}).messages[0]["content"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hi {{ who }}, {{ many }}, {{ some.a.b }}, {{ some.items }}", "Hi Ada, [1, 2, 3], 1, 2"),
        ("{{ some }} {{ true }} {{ 1.5 }}", '{"a": {"b": 1}, "items": 2} true 1.5'),
        ("{% for each in many %}{{ loop.index }}:{{ each }} {% endfor %}", "1:1 2:2 3:3 "),
        ("{% for k, v in some.items %}{% endfor %}", None),
        ("{% for k, v in some | dictsort %}{{ k }} {% endfor %}", "a items "),
        ("{% set x = namespace(n=0) %}{% for m in many %}{% set x.n = x.n + m %}{% endfor %}{{ x.n }}", "6"),
        ("{% macro hi(n) %}hi {{ n }}{% endmacro %}{{ hi(who) }}", "hi Ada"),
        ("{% for m in many %}{{ loop.last }}{% endfor %}", "falsefalsetrue"),
        ("{{ many | map('string') | join('-') }} {{ many | sum }} {{ many | length }}", "1-2-3 6 3"),
        ("{{ who | upper ~ '!' ~ 3 }} {{ who.replace('A', 'a') }}", "ADA!3 ada"),
        ("{{ some.q | default('none') }} {{ some.q is defined }}", "none false"),
        ("{{ nothing | default('x', true) }}", "x"),
        ("{% if nothing is none and 2 in many %}yes{% else %}no{% endif %}", "yes"),
        ("{% raw %}{{ who }}{% endraw %} {# not said #}", "{{ who }} "),
        ("{{ some | tojson }} {{ '<b>' }}", '{"a": {"b": 1}, "items": 2} <b>'),
        ("{{ 'a\nb' | indent(2, true) }} {{ 3.14159 | round(2) }}", "  a\n  b 3.14"),
        ("{% set t %}{{ who }}!{% endset %}{{ t }}{% filter upper %}x{% endfilter %}", "Ada!X"),
        ("{{ who[0:2] }}{{ many[-1] }}{{ dict(a=1).a }}", "Ad31"),
    ],
)
def test_templates_say_what_they_say(text: str, wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(PromptError):
            said(text)
    else:
        assert said(text) == wanted


HOSTILE = {
    "an import": "{% import 'os' as os %}",
    "an unknown parent": "{% extends 'base' %}",
    "a class": "{{ ().__class__ }}",
    "a class by brackets": "{{ who['__class__'] }}",
    "a class by map": "{{ many | map(attribute='__class__') | list }}",
    "a class by a format": "{{ '{0.__class__}'.format(who) }}",
    "a global by a method": "{{ who.upper.__globals__ }}",
    "a macro's inside": "{% macro m() %}{% endmacro %}{{ m._func }}",
    "the template itself": "{{ self }}",
    "an object's address": "{{ [range] | upper }}",
    "a change of a list": "{{ many.append(4) }}",
    "a change of an object": "{{ some.update(a=1) }}",
    "loops in loops": "{% for a in range(40000) %}{% for b in range(40000) %}{% endfor %}{% endfor %}",
    "a long range": "{{ range(10 ** 9) }}",
    "a long text": "{{ 'a' * 10 ** 10 }}",
    "a long list": "{{ [1] * 10 ** 9 }}",
    "a large number": "{{ 9 ** 99999 }}",
    "a number made of text": "{{ ('f' * 900000) | int(0, 16) }}",
    "a number that is rounded up": "{{ 1.5 | round(10 ** 9, 'ceil') }}",
    "a wide field": "{{ '%1000000000d' % 1 }}",
    "a wide text": "{{ who.ljust(10 ** 10) }}",
    "a deep indent": "{{ 'a\n' * 100000 | indent(10 ** 9) }}",
    "a replacement that grows": "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
    "a join that grows": "{{ range(40000) | map('string') | join('b' * 100000) }}",
    "doubling by ~": "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "doubling by +": "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "doubling by lists": "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}",
    "doubling by tuples": "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x, n.x %}{% endfor %}",
    "doubling by objects": "{% set n = namespace(x=1) %}"
    "{% for i in range(99) %}{% set n.x = {'a': n.x, 'b': n.x} %}{% endfor %}",
    "doubling by arguments": "{% set n = namespace(x=[1]) %}{% macro m() %}{% set n.x = varargs %}{% endmacro %}"
    "{% for i in range(99) %}{{ m(n.x, n.x) }}{% endfor %}",
    "doubling by named arguments": "{% set n = namespace(x=1) %}{% macro m() %}{% set n.x = kwargs %}{% endmacro %}"
    "{% for i in range(99) %}{{ m(a=n.x, b=n.x) }}{% endfor %}",
    "doubling by dict": "{% set n = namespace(x=1) %}"
    "{% for i in range(99) %}{% set n.x = dict(a=n.x, b=n.x) %}{% endfor %}",
    "depth": "{% set n = namespace(x=1) %}{% for i in range(40000) %}{% set n.x = [n.x] %}{% endfor %}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a macro that calls itself twice": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}"
    "{{ m(60) }}",
    "a long block": "{% set s %}{% for i in range(40000) %}" + "z" * 500 + "{% endfor %}{% endset %}",
    "a long answer": "{% for i in range(40000) %}" + "z" * 500 + "{% endfor %}",
    "a recursive loop": "{% for i in many recursive %}{{ loop(many) }}{% endfor %}",
    "brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "many nots": "{{ " + "not " * 5000 + "1 }}",
    "a long sum": "{{ " + "1+" * 5000 + "1 }}",
    "many ifs": "{% if who %}" * 200 + "{% endif %}" * 200,
    "many loops": "{% for a in many %}" * 30 + "{% endfor %}" * 30,
    "a division by nothing": "{{ 1 / 0 }}",
    "what is not there": "{{ some.q.r }}",
    "an index too far": "{{ many[7] }}",
    "a null": "{{ nothing }}",
    "a function": "{{ who.upper }}",
    "a generator": "{{ many | map('string') }}",
    "chance": "{{ many | random }}",
    "a text that is no template": "{{ 'a",
    "an unclosed block": "{% if who %}",
    "a name that nobody declared": "{{ whom }}",
    "an include by a variable": "{% include who %}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(PromptError) as told:
        said(text)
    assert told.value.where == "message 1 (user)"
    assert told.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "{{ ('a' * 100000).strip('b' * 99999 ~ 'a') }}",
        "{{ ('a' * 100000) | trim('b' * 99999 ~ 'a') }}",
        "{{ ('a' * 100000) | trim(chars='b' * 99999 ~ 'a') }}",
        "{{ ('a' * 100000).rfind('ab' ~ 'a' * 49998) }}",
        "{{ ('a' * 100000).rpartition('ab' ~ 'a' * 49998) | length }}",
    ],
)
def test_one_call_that_would_compare_all_of_two_texts_is_paid_for_before(text: str) -> None:
    """No clock can end it, and everything else in the process would wait."""
    compiled = Compiled(gather(source(text), among({})))
    with pytest.raises(PromptError) as told:
        compiled.render({}, clock=lambda: 0.0)
    assert told.value.code == "prompt_too_much_work"


def test_steps_end_a_template_before_the_clock_does_and_the_clock_where_steps_are_slow() -> None:
    loops = "{% for a in range(2000) %}{% for b in range(2000) %}{% endfor %}{% endfor %}"
    compiled = Compiled(gather(source(loops), among({})))
    with pytest.raises(PromptError) as told:
        compiled.render({}, Bounds(steps=10_000), clock=lambda: 0.0)
    assert told.value.code == "prompt_too_much_work"
    ticks = iter(range(1_000_000))

    def clock() -> float:
        return float(next(ticks))

    with pytest.raises(PromptError) as told:
        compiled.render({}, Bounds(seconds=50.0), clock=clock, worked=clock)
    assert told.value.code == "prompt_too_slow"
    assert told.value.line == 1


def test_time_in_which_the_machine_did_something_else_is_nobodys() -> None:
    loop = "{% for a in range(2000) %}{% endfor %}done"
    compiled = Compiled(gather(source(loop), among({})))
    hours = iter(range(0, 10**9, 3600))
    told = compiled.render({}, Bounds(seconds=2.0), clock=lambda: float(next(hours)), worked=lambda: 0.0)
    assert told.messages[0]["content"] == "done"
    worked = iter(each / 1000 for each in range(10**6))
    with pytest.raises(PromptError) as slow:
        compiled.render({}, Bounds(seconds=1.0), clock=lambda: float(next(hours)), worked=lambda: next(worked))
    assert slow.value.code == "prompt_too_slow"


def test_an_error_names_the_line_and_the_variable() -> None:
    with pytest.raises(PromptError) as told:
        said("one\ntwo\n{{ some.q }}")
    assert told.value.line == 3
    assert "'q'" in told.value.message
    with pytest.raises(PromptError) as told:
        said("one\n{{ whoo }}")
    assert (told.value.line, told.value.variable) == (2, "whoo")
    assert "'who'" in told.value.fix


@pytest.mark.parametrize(
    ("values", "variable"),
    [({"who": 3, "must": "a"}, "who"), ({"whoo": "x"}, "whoo"), ({}, "must"), ({"must": "c"}, "must"),
     ({"must": None}, "must"),
     ({"must": "a", "some": {"a": object()}}, "some"), ({"must": "a", "many": float("nan")}, "many")],
)  # fmt: skip
def test_a_wrong_value_names_its_variable(values: dict[str, Any], variable: str) -> None:
    declared = {**DECLARED, "must": Variable(enum=("a", "b"))}
    with pytest.raises(PromptError) as told:
        said("{{ who }}", values, variables=declared)
    assert told.value.variable == variable


def test_the_policy_is_read_and_the_rest_comes_along() -> None:
    prompt = source(
        "Up to {{ policy.limit }}.", policy={"limit": 50}, parameters={"t": 1}, output_schema={"type": "object"},
        tools=({"name": "refund"},),
    )  # fmt: skip
    made = Compiled(gather(prompt, among({}))).render({})
    assert made.messages == [{"role": "user", "content": "Up to 50."}]
    assert (made.parameters, made.tools, made.output_schema) == ({"t": 1}, [{"name": "refund"}], {"type": "object"})
    assert (made.name, made.version, made.hash) == ("p", 1, prompt.hash)


def test_messages_go_where_their_place_is() -> None:
    content = normal(
        Content(
            messages=(Message(role="system", text="s"), Message(messages="h"), Message(text="u")),
            variables={"h": Variable(type="messages", default=[])},
        )
    )
    compiled = Compiled(gather(Source(name="p", version=1, hash="", content=content), among({})))
    assert [each["content"] for each in compiled.render({}).messages] == ["s", "u"]
    turn = {"role": "assistant", "content": [{"type": "text", "text": "x"}]}
    assert compiled.render({"h": [turn]}).messages[1] == turn
    with pytest.raises(PromptError, match="list of messages"):
        compiled.render({"h": ["x"]})


def test_includes_are_rendered_with_the_variables_and_named_with_their_versions() -> None:
    tone = source("Be {{ tone }} to {{ who }}.", {"tone": Variable(default="kind"), "who": Variable()}, "tone")
    bundle = gather(source('{% include "tone@2" %} Bye.'), among({"tone": tone}))
    made: Rendered = Compiled(bundle).render({"tone": "stern"})
    assert made.messages[0]["content"] == "Be stern to Ada. Bye."
    assert made.used == {"tone@2": 1}
    each = source("<{{ m }}>", {"m": Variable(type="integer")}, "each")
    assert said('{% for m in many %}{% include "each" %}{% endfor %}', None, {"each": each}) == "<1><2><3>"
    wrong = source("ok\n{{ 1 / 0 }}", {}, "wrong")
    with pytest.raises(PromptError, match=r"the included 'wrong', line 2"):
        said('{% include "wrong" %}', None, {"wrong": wrong})


def test_an_include_alone_on_its_line_keeps_the_end_of_the_line() -> None:
    rules = source("No dates.", name="rules")

    def with_rules(text: str) -> str:
        return said(text, None, {"rules": rules})

    assert with_rules('{% include "rules" %}\nBe brief.') == "No dates.\nBe brief."
    assert with_rules('First:\n  {% include "rules" %}\n\nThen.') == "First:\nNo dates.\n\nThen."
    assert with_rules('Say {% include "rules" %} twice') == "Say No dates. twice"
    assert with_rules('{% include "rules" -%}\nBe brief.') == "No dates.Be brief."
    assert with_rules('{% raw %}{% include "rules" %}\nx{% endraw %}') == '{% include "rules" %}\nx'


def test_a_circle_of_includes_and_too_many_levels_are_refused_by_their_path() -> None:
    a, b = source('{% include "b@3" %}', {}, "a"), source('{% include "a@5" %}', {}, "b")
    with pytest.raises(PromptError, match=r"p -> a -> b@3 -> a@5"):
        said('{% include "a" %}', None, {"a": a, "b": b})
    chain = {f"c{n}": source(f'{{% include "c{n + 1}" %}}', {}, f"c{n}") for n in range(20)}
    with pytest.raises(PromptError, match="levels"):
        said('{% include "c0" %}', None, chain)
    with pytest.raises(NotFound):
        said('{% include "nobody" %}')


@settings(max_examples=50, deadline=None)
@given(
    who=st.text(max_size=50).filter(lambda text: "\0" not in text and text.isprintable()), many=st.lists(st.integers())
)
def test_what_is_given_is_never_read_as_a_template_and_rendering_is_deterministic(who: str, many: list[int]) -> None:
    values = {"who": who, "many": [each % 1000 for each in many]}
    text = "{{ who }}|{% for m in many %}{{ m }},{% endfor %}"
    first = said(text, values)
    assert first == f"{who}|{''.join(f'{each},' for each in values['many'])}".strip("\n")
    assert said(text, values) == first


def test_one_compiled_prompt_serves_many_threads() -> None:
    compiled = Compiled(gather(source("{% for m in many %}{{ who }}{{ m }} {% endfor %}"), among({})))

    def one(number: int) -> bool:
        wanted = "".join(f"n{number}{m} " for m in (1, 2, 3))
        return compiled.render({"who": f"n{number}"}).messages[0]["content"] == wanted

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(200)))
