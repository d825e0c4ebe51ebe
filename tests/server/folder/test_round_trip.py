"""What is in a catalog, exported and read again, is the same: a plan of an export finds nothing to do."""

from typing import Any

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.suites import check as check_suite
from trimtab.evaluation.types import SuiteScorer, SuiteSpec
from trimtab.gateway.call_policy import CachePolicy, CallPolicy, ContextPolicy
from trimtab.gateway.policy import BreakerPolicy, Concurrency, Hedge, Policy, Retries
from trimtab.gateway.routing.check import mistakes
from trimtab.gateway.routing.types import Affinity, Branch, Fallback, If, Route, Share, Target, Weights, When
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.ledger.limits import DIMENSIONS, MOST, Rule, Scope, check_rule
from trimtab.ledger.overrides import DatedPrice, Rates, check_dated
from trimtab.ledger.types import PriceOverride
from trimtab.prompts import canonical
from trimtab.prompts.check import check as check_templates
from trimtab.prompts.store import Stored, VersionRow
from trimtab.prompts.types import ROLES, Content, Message, PromptError, Variable
from trimtab.releases import freeze
from trimtab.releases.types import App, AppSpec, Environment, Freeze, Knowledge, Protection
from trimtab.server.folder import items
from trimtab.server.folder.comparing import compare
from trimtab.server.folder.exporting import export
from trimtab.server.folder.items import Item
from trimtab.server.folder.reading import ANYTHING, read_folder
from trimtab.server.folder.state import PromptState, State
from trimtab.server.freezing import gateway_with

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 60), 1 << 60),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXT,
        st.sampled_from(["on", "no", "1e3", "0o7", "2026-01-01", "12:30:45", "~", "=", "<<", " x ", "a: b", "# c"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=5,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
LINES = st.lists(st.one_of(TEXT, st.sampled_from(["@user", "\\@system", "---", "  indented", ""])), min_size=1)
VARIABLES = st.builds(Variable, description=TEXT, default=TEXT) | st.builds(
    Variable, type=st.just("object"), default=OBJECTS
)
CONTENTS = st.builds(
    Content,
    description=TEXT,
    variables=st.dictionaries(st.from_regex(r"v_[a-z0-9_]{1,8}", fullmatch=True), VARIABLES, max_size=2),
    messages=st.lists(
        st.builds(Message, role=st.sampled_from(ROLES), text=LINES.map("\n".join)), min_size=1, max_size=3
    ).map(tuple),
    parameters=OBJECTS,
    tools=st.lists(OBJECTS, max_size=2).map(tuple),
    policy=OBJECTS,
    metadata=OBJECTS,
)
NAMES = st.from_regex(r"[a-z][a-z0-9._-]{0,8}", fullmatch=True)
NUMBERS = st.floats(0, 1_000_000, allow_nan=False, allow_subnormal=False)
POSITIVE = st.floats(0.01, 3600, allow_nan=False)
LINE = st.text(st.characters(categories=("L", "N", "P", "Zs"), max_codepoint=0x24F), min_size=1, max_size=12)
POLICIES = st.builds(
    Policy,
    attempts=st.integers(1, 20),
    retries=st.builds(Retries, server=st.integers(0, 20)),
    deadline_s=st.none() | POSITIVE,
    breaker=st.builds(BreakerPolicy, failure_rate=st.floats(0.01, 1), open_s=st.floats(0.01, 1)),
    hedge=st.none() | st.builds(Hedge, after_ms=st.floats(1, 600_000)),
    concurrency=st.none() | st.builds(Concurrency, limit=st.integers(1, 100)),
)
PRICES = st.builds(PriceOverride, input=NUMBERS, output=NUMBERS, cache_read=st.none() | NUMBERS)
WORDS = st.lists(LINE.map(str.strip).filter(bool), min_size=1, max_size=2).map(tuple)
IFS = st.builds(If, tags=WORDS, stream=st.none() | st.booleans(), longer_than=st.none() | st.integers(0, 1000))


def node(names: list[str]) -> st.SearchStrategy[Any]:
    leaves = st.sampled_from(names)
    return st.recursive(
        st.one_of(leaves, st.builds(Target, model=leaves)),
        lambda inner: st.one_of(
            st.builds(Fallback, of=st.lists(inner, min_size=1, max_size=3).map(tuple)),
            st.builds(
                Weights,
                of=st.lists(st.builds(Share, weight=st.floats(0.1, 9), use=inner), min_size=1, max_size=2).map(tuple),
                sticky=st.sampled_from(["none", "user"]),
            ),
            st.builds(
                When,
                of=st.lists(st.builds(Branch, if_=IFS, use=inner), min_size=1, max_size=2).map(tuple),
                otherwise=inner,
            ),
        ),
        max_leaves=4,
    )


@st.composite
def models(draw: Any) -> dict[str, Model]:
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    found: dict[str, Model] = {}
    for name in names:
        before: list[str] = draw(st.lists(st.sampled_from([*found]), unique=True, max_size=2)) if found else []
        upstream = draw(st.just(name) | LINE.filter(lambda text: text == text.strip() and text.isprintable()))
        found[name] = Model(
            name=name,
            provider="lab",
            upstream=upstream,
            fallback=tuple(before),
            price=draw(st.none() | PRICES),
            resilience=draw(st.none() | POLICIES),
        )
    return found


@st.composite
def limits(draw: Any) -> Rule:
    measure = draw(st.sampled_from(["requests", "tokens", "concurrency", "money"]))
    rule = Rule(
        name=draw(NAMES),
        measure=measure,
        bound=draw(st.integers(0, MOST)),
        window="none" if measure == "concurrency" else draw(st.sampled_from(["day", "rolling_hour"])),
        timezone=draw(st.sampled_from(["UTC", "Europe/Berlin"])),
        scope=draw(st.builds(Scope, user=WORDS, model=st.just(("fast",)))) if draw(st.booleans()) else Scope(),
        per=tuple(draw(st.lists(st.sampled_from(DIMENSIONS), unique=True, max_size=2))),
        unknown_price=draw(st.sampled_from(["refuse", "ignore"])),
        unknown_amount=draw(st.integers(0, MOST)),
        max_output=draw(st.integers(1, 10_000_000)),
        headers=draw(st.booleans()),
    )
    try:
        check_rule(rule)
    except InvalidRequest:
        assume(False)
    return rule


DECIMALS = st.decimals(0, 1_000_000, places=12).map(lambda value: format(value, "f"))
MOMENTS = st.integers(0, (1 << 42)) | st.integers(0, 40_000).map(lambda day: day * 86_400_000)


@st.composite
def prices(draw: Any) -> DatedPrice:
    begins, ends = draw(st.none() | MOMENTS), draw(st.none() | MOMENTS)
    row = DatedPrice(
        id="prc_1",
        provider=draw(st.sampled_from(["*", "lab", "open*"])),
        model=draw(LINE.filter(lambda text: text == text.strip() and text.isprintable())),
        valid_from=begins,
        valid_to=ends if begins is None or (ends is not None and ends > begins) else None,
        rates=Rates(input=draw(DECIMALS), output=draw(DECIMALS), per_request=draw(st.none() | DECIMALS)),
        note=draw(TEXT),
    )
    return check_dated(row)


CACHES = st.builds(CachePolicy, ttl_s=st.floats(1, 86_400), scope=st.sampled_from([None, "key"]), sampled=st.booleans())
CONTEXTS = st.builds(ContextPolicy, max_tokens=st.integers(64, 10_000_000), deduplicate=st.booleans())
CALL_POLICIES = st.builds(CallPolicy, cache=CACHES, context=st.none() | CONTEXTS) | st.builds(
    CallPolicy, context=CONTEXTS
)
FREEZES = st.builds(
    Freeze, name=LINE.filter(lambda text: bool(text.strip()) and text.isprintable()), days=st.just(("fri", "sat"))
)
PROTECTIONS = st.builds(
    Protection,
    gate=st.booleans(),
    gate_days=st.floats(0.1, 3660),
    approvals=st.integers(0, 20),
    note=st.booleans(),
    freezes=st.lists(FREEZES, max_size=2).map(tuple),
)
SPECS = st.builds(
    AppSpec,
    description=TEXT,
    prompt=st.sampled_from([None, "support", "support@3"]),
    route=st.sampled_from(["fast", {"node": "fallback", "of": ["fast", "slow"]}]),
    parameters=OBJECTS,
    tools=st.lists(OBJECTS, max_size=2).map(tuple) | st.just(msgspec.UNSET),
    output_schema=OBJECTS | st.just(msgspec.UNSET),
    policy=OBJECTS,
    variables=st.dictionaries(TEXT, JSON, max_size=2),
    cache=st.sampled_from([None, {}, {"ttl_s": 60}, {"mode": "semantic", "threshold": 0.9}]),
    context=st.sampled_from([None, {"max_tokens": 500}]),
    knowledge=st.sampled_from([(), ("handbook",), ("handbook", Knowledge(corpus="law", follow=True, least=0.5))]),
    metadata=OBJECTS,
)


SCORERS = st.builds(
    SuiteScorer,
    scorer=st.sampled_from(["exact", "judge:tone", "judge:tone@2", "checks.py:polite"]),
    name=st.just(""),
    at_least=st.none() | st.floats(0, 1, allow_subnormal=False),
    margin=st.none() | st.floats(0.001, 0.5),
    required=st.booleans(),
)
SUITES = st.builds(
    SuiteSpec,
    description=TEXT,
    dataset=st.sampled_from(["qs", "qs@3", "qs@latest"]),
    split=st.sampled_from(["", "no", "1e3"]),
    tags=st.lists(st.sampled_from(["on", "2026-01-01", "x y"]), max_size=2).map(tuple),
    scorers=st.lists(SCORERS, min_size=1, max_size=3, unique_by=lambda each: each.scorer).map(tuple),
    repeats=st.integers(1, 100),
    against=st.sampled_from(["", "production", "parent"]),
    alpha=st.floats(0.001, 0.5),
    rule=st.sampled_from(["better", "not_worse"]),
    budget=st.sampled_from(["", "2.50", "10"]),
    freshness_days=st.floats(0.01, 3650),
)


def state_of(found: list[Item], **more: Any) -> State:
    parts: dict[str, Any] = {"prompts": {}, "environments": {}, "apps": {}, **more}
    return State(items={each.key: each for each in found}, archived=frozenset(), managed={}, **parts)


def finds_nothing(state: State) -> None:
    files = export(state, "prj", "default", take=True)
    folder = read_folder(files)
    assert folder.mistakes == (), files
    compared = compare(folder, state)
    assert compared.changes == [], (compared.changes, files)
    assert {each.key for each in compared.adopted} == state.items.keys() & folder.items.keys()
    assert folder.items.keys() == state.items.keys()


@given(st.data(), models())
@settings(max_examples=30, deadline=None)
def test_models_and_routes_come_back_as_they_were(data: Any, made: dict[str, Model]) -> None:
    found = [Item(kind="model", name=name, value=each, plain=items.model_plain(each)) for name, each in made.items()]
    tree = data.draw(node([*made]))
    assume(not mistakes(Route(name="route-of-all", tree=tree), ANYTHING))
    affinity = data.draw(st.sampled_from([Affinity(), Affinity(session=True, minutes=2.5)]))
    route = Route(name="route-of-all", tree=tree, affinity=affinity, about=data.draw(TEXT))
    found.append(Item(kind="route", name=route.name, value=route, plain=items.route_plain(route)))
    finds_nothing(state_of(found))


@given(st.dictionaries(NAMES, CALL_POLICIES, max_size=2), limits(), prices())
@settings(max_examples=30, deadline=None)
def test_policies_limits_and_prices_come_back_to_the_last_digit(
    policies: dict[str, CallPolicy], limit: Rule, price: DatedPrice
) -> None:
    found = [Item(kind="policy", name=n, value=each, plain=items.policy_plain(each)) for n, each in policies.items()]
    found.append(Item(kind="limit", name=limit.name, value=limit, plain=items.limit_plain(limit)))
    found.append(Item(kind="price", name=items.price_name(price), value=price, plain=items.price_plain(price)))
    state = state_of(found)
    finds_nothing(state)
    folder = read_folder(export(state, "prj", "default", take=True))
    assert folder.items["limit", limit.name].value == limit


@given(CONTENTS, st.sampled_from(["", "desk", "desk/mail"]), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_prompts_and_labels_come_back_as_they_were(content: Content, folder: str, labelled: int) -> None:
    try:
        content = canonical.normal(content)
        check_templates(content)
    except PromptError:
        assume(False)
        raise
    row = VersionRow(
        project_id="prj", name="greet", version=9, parent=8, hash=canonical.content_hash(content), message="",
        author="", author_name="", created=0,
    )  # fmt: skip
    prompts = {"greet": PromptState(folder=folder, newest=9, stored=Stored(row=row, content=content))}
    found = [
        Item(kind="prompt", name="greet", value=content, plain=items.prompt_plain(content, folder)),
        Item(kind="label", name="greet:on", value=labelled, plain=items.label_plain(labelled)),
    ]
    finds_nothing(state_of(found, prompts=prompts))


@given(SPECS, PROTECTIONS, st.booleans())
@settings(max_examples=30, deadline=None)
def test_apps_and_environments_come_back_as_they_were(spec: AppSpec, protection: Protection, default: bool) -> None:
    try:
        spec = freeze.draft(spec, gateway_with(ProjectTargets(), {}))
    except InvalidRequest:
        assume(False)
    place = Environment(
        project_id="prj", name="canary-2", position=7, default=default, protection=protection, revision=1, updated=0
    )
    app = App(project_id="prj", name="on", spec=spec, revision=1, newest=0, archived=None, created=0, updated=0)
    found = [
        Item(kind="environment", name=place.name, value=place, plain=items.environment_plain(place)),
        Item(kind="app", name=app.name, value=spec, plain=items.app_plain(spec)),
    ]
    finds_nothing(state_of(found, environments={place.name: place}, apps={app.name: app}))


@given(SUITES)
@settings(max_examples=30, deadline=None)
def test_suites_come_back_as_they_were(spec: SuiteSpec) -> None:
    try:
        spec = check_suite(spec)
    except InvalidRequest:
        assume(False)
    finds_nothing(state_of([Item(kind="suite", name="quality", value=spec, plain=items.suite_plain(spec))]))
