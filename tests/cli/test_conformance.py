"""The conformance suite against a real server and simulated models: sound ones pass, a defect is found by its check."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from live import ADMIN, Live

from patience import PATIENCE_S
from trimtab.cli.conformance import command as conformance
from trimtab.cli.conformance.checks.images import png
from trimtab.cli.conformance.checks.json_schema import SCHEMA, departure
from trimtab.cli.conformance.client import FrontClient
from trimtab.cli.conformance.suite import CHECKS, Bench, run
from trimtab.cli.main import command
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.simulated.scenario import DEFECTS
from trimtab.sdk import Client

PROJECT = "conformance"
FRONTS = ("openai_chat", "anthropic_messages")
THROUGH_BOTH = [argument for front in FRONTS for argument in ("--front", front)]


@pytest.fixture(scope="module")
def world(server: Live, upstream: str) -> Iterator[Client]:
    """A project with a provider of each dialect; models are added by name as tests need them."""
    with Client(server.url, ADMIN) as client:
        client.create_project(PROJECT)
        client.create_provider(PROJECT, "o", base_url=f"{upstream}/v1", dialect="openai_chat")
        client.create_provider(PROJECT, "a", base_url=f"{upstream}/v1", dialect="anthropic_messages")
        yield client


def model(world: Client, provider: str, wishes: str) -> str:
    """A model whose provider plays ``wishes``."""
    name = f"{provider}-{abs(hash(wishes))}"
    if name not in {m.name for m in world.models(PROJECT)}:
        upstream = {"o": "gpt-oss-120b", "a": "claude-haiku-4-5"}[provider]
        world.create_model(PROJECT, name, provider=provider, upstream=f"{upstream}?{wishes}" if wishes else upstream)
    return name


def trimtab(server: Live, *arguments: str) -> Result:
    environment = {"TRIMTAB_URL": server.url, "TRIMTAB_ADMIN_KEY": ADMIN, "TRIMTAB_PROJECT": PROJECT}
    return CliRunner().invoke(command, list(arguments), env=environment)


def tried(server: Live, name: str, *arguments: str) -> dict[tuple[str, str], tuple[str, str]]:
    """(outcome, evidence) by (check, front)."""
    done = trimtab(server, "conformance", "--model", name, "--json", *arguments)
    assert done.exit_code in (0, 1), done.output
    return {(r["check"], r["front"]): (r["outcome"], r["evidence"]) for r in json.loads(done.stdout)["results"]}


@pytest.mark.parametrize(("provider", "unthinking"), [("o", ["anthropic_messages"]), ("a", list[str]())])
def test_a_sound_model_passes_every_check(server: Live, world: Client, provider: str, unthinking: list[str]) -> None:
    found = tried(server, model(world, provider, "delay_ms=1"), *THROUGH_BOTH)
    assert {check for check, _ in found} == set(CHECKS.names())
    others = {at: got for at, got in found.items() if got[0] != "pass"}
    # an effort is a budget at Anthropic; a budget is no effort at OpenAI, most of whose models refuse one
    assert {at: outcome for at, (outcome, _) in others.items()} == {
        ("reasoning", front): "not_supported" for front in unthinking
    }
    assert all(evidence for _, evidence in found.values())


UNDERSTOOD = ("plain", "multi_turn", "system", "stop", "max_tokens", "tools", "tool_result", "json_schema", "images")


@pytest.mark.parametrize(
    ("kind", "path", "upstream_id"),
    [("bedrock", "", "anthropic.claude-haiku-4-5"), ("cohere", "/v2", "command-a-03-2025"), ("gemini", "/v1beta", "")],
)
def test_a_simulated_model_of_every_dialect_passes_what_it_is_tried_with(
    server: Live, world: Client, upstream: str, kind: str, path: str, upstream_id: str
) -> None:
    options = {"region": "eu-west-1", "access_key_id": "AKID", "secret_access_key": "s"} if kind == "bedrock" else None
    key = None if options else "k"
    world.create_provider(PROJECT, kind, kind=kind, base_url=f"{upstream}{path}", api_key=key, options=options)
    world.create_model(PROJECT, f"{kind}-model", provider=kind, upstream=upstream_id or "gemini-2.5-flash")
    asked = [word for check in UNDERSTOOD for word in ("--check", check)]
    found = tried(server, f"{kind}-model", "--front", "openai_chat", *asked)
    assert {check: got for (check, _), got in found.items() if got[0] != "pass"} == {}
    assert {check for check, _ in found} == set(UNDERSTOOD)


DEFECT_FINDER = {
    "forgets": "multi_turn",
    "ignores_system": "system",
    "ignores_stop": "stop",
    "ignores_bound": "max_tokens",
    "ignores_results": "tool_result",
    "loose_schema": "json_schema",
    "garbles": "unicode",
    "blind": "images",
    "ends_early": "long_output",
    "drops_event&after=12": "streaming",
}


def test_every_defect_that_can_be_simulated_has_its_check() -> None:
    known = {wish.partition("&")[0] for wish in DEFECT_FINDER} | {"", "one_call", "no_thinking"}
    assert known == set(DEFECTS)


@pytest.mark.parametrize("provider", ["o", "a"])
@pytest.mark.parametrize("defect", DEFECT_FINDER)
def test_each_defect_is_found_by_its_check_with_evidence(
    server: Live, world: Client, provider: str, defect: str
) -> None:
    check = DEFECT_FINDER[defect]
    found = tried(server, model(world, provider, f"defect={defect}"), "--check", check, *THROUGH_BOTH)
    assert [outcome for outcome, _ in found.values()] == ["fail", "fail"], found
    assert all(len(evidence) > 20 for _, evidence in found.values())


@pytest.mark.parametrize(
    ("wishes", "check", "outcome", "words"),
    [
        ("defect=one_call", "parallel_tools", "could_not_tell", "one call at a time"),
        ("defect=no_thinking", "reasoning", "not_supported", "neither thinking blocks nor reasoning tokens"),
        ("arguments=%7B%22city", "tools", "fail", "no JSON object"),
        ("arguments=%7B%22town%22:%22Oslo%22%7D", "tools", "fail", "town"),
        ("calls=2", "tools", "fail", "one call of get_weather was demanded"),
        ("text=", "plain", "fail", "no text"),
        ("text=I+see+no+picture:+red,+green+or+blue%3F", "images", "fail", "names green and blue, too"),
        ("usage=false", "stream_usage", "fail", "does not say what it used"),
        ("fault=400&message=no+tools+here", "tools", "not_supported", "no tools here"),
        ("fault=400&message=no+words+here", "plain", "fail", "no words here"),
        ("fault=429", "tools", "could_not_tell", "429"),
        ("fault=stream_error&after=14&message=out+of+steam", "streaming", "fail", "out of steam"),
    ],
)
def test_every_outcome_comes_with_what_was_seen(
    server: Live, world: Client, wishes: str, check: str, outcome: str, words: str
) -> None:
    found = tried(server, model(world, "o", wishes), "--check", check, "--front", "openai_chat")
    assert found[check, "openai_chat"][0] == outcome, found
    assert words in found[check, "openai_chat"][1]


def test_a_client_that_leaves_ends_the_call_at_the_provider(server: Live, world: Client, upstream: str) -> None:
    httpx.delete(f"{upstream}/simulated/calls", timeout=PATIENCE_S)
    found = tried(server, model(world, "o", "delay_ms=1"), "--check", "cancel", "--front", "openai_chat")
    assert found["cancel", "openai_chat"][0] == "pass", found
    (call,) = httpx.get(f"{upstream}/simulated/calls", timeout=PATIENCE_S).json()
    assert call["cancelled"]
    assert call["events"] < 2000


def test_a_key_of_an_application_can_try_all_but_what_needs_the_books(server: Live, world: Client) -> None:
    name, key = model(world, "o", "delay_ms=1"), world.create_key(PROJECT, "app").secret
    environment = {
        "TRIMTAB_URL": server.url,
        "TRIMTAB_API_KEY": key,
        "TRIMTAB_ADMIN_KEY": "",
        "TRIMTAB_PROJECT": PROJECT,
    }
    arguments = ["conformance", "--model", name, "--front", "openai_chat", "--check", "plain", "--check", "cancel"]
    done = CliRunner().invoke(command, [*arguments, "--json"], env=environment)
    found = {r["check"]: (r["outcome"], r["evidence"]) for r in json.loads(done.stdout)["results"]}
    assert found["plain"][0] == "pass"
    assert found["cancel"][0] == "could_not_tell"
    assert "trace:read" in found["cancel"][1]


def test_mistakes_that_are_not_refused_are_found(upstream: str) -> None:
    """The simulated provider itself takes any key: the check must say so."""
    front = FrontClient(upstream, "k", DIALECTS.get("openai_chat"), "gpt-4o-mini")
    told: list[Any] = []
    (result,) = run(
        {"openai_chat": Bench(front=front, trace=lambda _: None, url=upstream)},
        ["errors"],
        lambda result, _: told.append(result),
    )
    front.close()
    assert (result.outcome, told) == ("fail", [result])
    assert "a wrong key should be answered with 401 and is with 200" in result.evidence


def test_a_saved_run_is_the_models_card(server: Live, world: Client) -> None:
    name = model(world, "o", "defect=blind")
    before = trimtab(server, "models", "show", name)
    assert "never tried" in before.stdout
    done = trimtab(server, "conformance", "--model", name, "--save")
    assert done.exit_code == 1  # it is blind
    assert "kept as card 1" in done.stdout
    card = world.card(PROJECT, name)
    assert (card.number, card.current) == (1, True)
    assert "tools" in card.capabilities
    assert "images" not in card.capabilities
    shown = trimtab(server, "models", "show", name)
    assert "capability card 1" in shown.stdout
    assert "The picture is red." in shown.stdout
    told = json.loads(trimtab(server, "models", "show", name, "--json").stdout)
    assert told["model"]["capabilities"] == told["card"]["capabilities"] == card.capabilities


@pytest.mark.parametrize(
    ("arguments", "way_out"),
    [
        (["--model", "nothing"], "Its models:"),
        (["--model", "X", "--check", "juggling"], "Use one of:"),
        (["--model", "X", "--front", "morse"], "Use one of:"),
        (["--model", "X", "--check", "tools", "--save"], "Leave out"),
    ],
)
def test_what_cannot_be_tried_is_told_with_a_way_out(
    server: Live, world: Client, arguments: list[str], way_out: str
) -> None:
    name = model(world, "o", "")
    done = trimtab(server, "conformance", *[name if a == "X" else a for a in arguments])
    assert done.exit_code == 1
    assert way_out in done.output


def test_the_page_lists_every_check_with_what_a_pass_shows() -> None:
    page = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()
    assert all(f"| `{name}` | {check.title} |" in page for name, check in CHECKS.all().items())


def test_the_command_says_what_it_costs_and_how_it_ends() -> None:
    assert conformance.help is not None
    assert "cost" in conformance.help


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": 3}, "$.name"),
        ({"kind": "plant"}, "$.kind"),
        ({"wings": True}, "$.wings"),
        ({"habitats": ["a", 1]}, "$.habitats[1]"),
        ({"size": {"metres": 1}}, "$.size lacks"),
        ({"colour": "grey"}, "$ has"),
    ],
)
def test_a_departure_from_the_schema_is_found_where_it_is(change: dict[str, Any], where: str) -> None:
    sound: dict[str, Any] = {
        "name": "heron",
        "kind": "bird",
        "wings": 2,
        "habitats": [],
        "size": {"metres": 1, "is_large": True},
    }
    assert departure(sound, SCHEMA, "$") == ""
    assert where in departure(sound | change, SCHEMA, "$")


def test_the_picture_is_a_png() -> None:
    assert png(255, 0, 0).startswith(b"\x89PNG")
