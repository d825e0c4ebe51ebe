"""The config file: what it may hold, and that every mistake is told at once, where it stands, with what was meant."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.targets import Model, Timeouts
from trimtab.ledger.types import PriceOverride
from trimtab.server.config.fields import schema
from trimtab.server.config.file import ConfigFile, ConfigRefused, load, parse

ROOT = Path(__file__).parents[2]
ISSUE = """
providers: {lab: {dialect: openai_chat, base_url: "http://127.0.0.1:9100/v1", api_key: "env:LAB_KEY"}}
models: {fast: {provider: lab, model: gpt-4o-mini, fallback: [slow]}, slow: {provider: lab}}
"""


def mistakes(text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigRefused) as caught:
        parse(text, "trimtab.yaml", environ)
    assert caught.value.param == "TRIMTAB_CONFIG"
    return [str(mistake) for mistake in caught.value.mistakes]


def test_the_example_of_the_documentation_is_understood() -> None:
    config = parse(ISSUE, "trimtab.yaml", {"LAB_KEY": "sk-canary"})
    lab = config.providers["lab"]
    assert (lab.kind, lab.dialect, lab.base_url, lab.api_key) == (
        "custom",
        "openai_chat",
        "http://127.0.0.1:9100/v1",
        "sk-canary",
    )
    assert config.models["fast"] == Model(name="fast", provider="lab", upstream="gpt-4o-mini", fallback=("slow",))
    assert config.models["slow"].upstream == "slow"
    assert "canary" not in repr(config)


def test_everything_that_may_be_said_is_understood() -> None:
    config = parse(
        """
project: support
providers:
  openai:
    api_key: env:KEY
    base_url: https://eu.api.openai.com/v1/
    headers: {x-team: blue, x-token: env:TOKEN}
    timeouts: {connect: 2, idle: 12.5}
  local:
models:
  team/fast:
    provider: openai
    upstream: gpt-5-mini
    price: {input: 0.25, output: 2, cache_read: 0.025}
""",
        "trimtab.yaml",
        {"KEY": "k", "TOKEN": "t"},
    )
    openai = config.providers["openai"]
    assert (config.project, openai.kind, openai.base_url) == ("support", "openai", "https://eu.api.openai.com/v1")
    assert openai.quirks.max_tokens_field == "max_completion_tokens"
    assert openai.timeouts == Timeouts(connect=2, idle=12.5)
    assert openai.headers == {"x-team": "blue", "x-token": "t"}
    assert config.hidden["openai"] == {"x-token"}
    assert config.providers["local"].kind == "local"
    assert config.models["team/fast"].price == PriceOverride(input=0.25, output=2, cache_read=0.025)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "providers:\nmodels:\n"])
def test_an_empty_file_declares_nothing(text: str) -> None:
    assert parse(text, "t.yaml", {}) == ConfigFile(path="t.yaml")


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    told = mistakes(
        """project: Bad Slug
providrs: {}
providers:
  lab:
    dialect: openai_chatt
    basse_url: http://x
    api_key: env:LAB_KEYY
    timeouts: {connect: soon}
    headers: {a: 1}
  openai: {}
models:
  fast: {provider: lba, model: 5, fallback: [slw]}
  slow: {provider: lab, upstream: a, model: b, price: {input: 1}}
  odd: 3
""",
        LAB_KEY="s",
    )
    assert [line.split(":")[1] for line in told] == sorted((line.split(":")[1] for line in told), key=int)
    expected = [
        (1, "'Bad Slug' cannot be a project's slug"),
        (2, "Unknown key 'providrs' in the file. Did you mean 'providers'?"),
        (4, "The provider 'lab' lacks 'base_url'"),
        (5, "There is no dialect 'openai_chatt'. Did you mean 'openai_chat'?"),
        (6, "Unknown key 'basse_url' in the provider 'lab'. Did you mean 'base_url'?"),
        (7, "the environment variable 'LAB_KEYY' is not set. Did you mean 'LAB_KEY'?"),
        (8, "'connect' of 'timeouts' of the provider 'lab' must be a number"),
        (9, "'a' of 'headers' of the provider 'lab' must be text. Put quotes around it."),
        (10, "needs an 'api_key'. Add: api_key: env:OPENAI_API_KEY"),
        (12, "names the provider 'lba', which this file does not declare. Did you mean 'lab'?"),
        (12, "'model' of the model 'fast' must be text"),
        (12, "falls back to 'slw', which this file does not declare. Did you mean 'slow'?"),
        (13, "'model' and 'upstream' mean the same"),
        (13, "'price' of the model 'slow' lacks 'output'"),
        (14, "The model 'odd' must be a mapping"),
    ]
    for line, words in expected:
        assert any(said.startswith(f"trimtab.yaml:{line}: ") and words in said for said in told), (line, words, told)
    assert len(told) == len(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("providers: [", "Not YAML"),
        ("\tproviders: 1", "blanks, not tabs"),
        ("- a", "must be a mapping"),
        ("providers: 3", "must be a mapping"),
        ("providers: {lab: {base_url: http://h}}\nproviders: {}", "stands twice"),
        ("providers: {lab: {base_url: http://u:canary@h}}", "Put the key into 'api_key'"),
        ("providers: {Lab: {base_url: http://h}}", "cannot be a provider's name"),
        ("providers: {lab: {kind: opnai, api_key: x}}", "Did you mean 'openai'?"),
        ('providers: {lab: {base_url: http://h, api_key: "a\\nb"}}', "cannot travel in a header"),
        ("providers: {lab: {base_url: http://h, headers: {host: x}}}", "cannot be set as a header"),
        ("providers: {lab: {base_url: http://h, timeouts: {idle: .nan}}}", "must be a number"),
        ("providers: {lab: {base_url: http://h, api_key: 12}}", "Put quotes around it"),
        ("providers: {lab: {base_url: http://h}}\nmodels: {a: {provider: lab, fallback: a}}", "must be a list"),
        ("providers: {lab: {base_url: http://h}}\nmodels: {a: {provider: lab, fallback: [a]}}", "circle: a -> a"),
        ("providers: {lab: {base_url: http://h}}\nmodels: {A b: {provider: lab}}", "cannot be a model's name"),
        ("models: {a: {}}", "lacks 'provider'"),
        ("models: {a: {provider: lab}}", "which this file does not declare. Declare it below 'providers'."),
        ("? [a]\n: b", "not text"),
    ],
)
def test_each_mistake_is_told_with_its_line_and_a_way_out(text: str, words: str) -> None:
    told = mistakes(text)
    assert any(words in line for line in told), told
    assert all(line.startswith("trimtab.yaml:") for line in told)
    assert not any("canary" in line or "ary" in line for line in told)


def test_a_variable_that_was_made_of_a_file_has_its_value_without_the_lines_end() -> None:
    text = "providers: {lab: {dialect: openai_chat, base_url: 'http://127.0.0.1:9/v1', api_key: env:KEY}}"
    assert parse(text, "t.yaml", {"KEY": "k-1\n"}).providers["lab"].api_key == "k-1"
    assert "is not set" in mistakes(text, KEY="\n")[0]


def test_a_circle_is_told_once() -> None:
    lab = "providers: {lab: {base_url: http://h}}\n"
    ways = (("a", "b"), ("b", "c"), ("c", "a"))
    ring = "models:\n" + "".join(f"  {one}: {{provider: lab, fallback: [{next_}]}}\n" for one, next_ in ways)
    assert len(mistakes(lab + ring)) == 1


def test_the_value_of_a_variable_is_never_told() -> None:
    text = "providers: {lab: {base_url: env:URL, api_key: env:KEY, headers: {x-a: env:HEADER}}}"
    told = mistakes(text, URL="canary://nowhere", KEY="can\nary", HEADER="can\nary")
    assert told
    assert not any("canary" in line for line in told)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match="cannot be read"):
        load(tmp_path / "none.yaml", {})
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigRefused, match="not UTF-8"):
        load(tmp_path / "binary.yaml", {})


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["lab", "env:A"])
)
words = st.sampled_from(
    ["project", "providers", "models", "lab", "fast", "provider", "model", "fallback", "price", "input", "base_url"]
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=4)
)


@given(st.dictionaries(words, trees, max_size=4))
def test_whatever_stands_in_a_file_it_is_read_or_refused(tree: dict[str, Any]) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)
    with contextlib.suppress(ConfigRefused):
        parse(text, "t.yaml", {"A": "a"})


def test_the_published_schema_is_current_and_accepts_the_example() -> None:
    import jsonschema_rs

    published = json.loads((ROOT / "schemas/config.schema.json").read_text())
    assert published == schema(), "run: python -m trimtab.server.config.fields > schemas/config.schema.json"
    validator = jsonschema_rs.validator_for(published)
    assert validator.is_valid(yaml.safe_load(ISSUE))
    assert not validator.is_valid({"providers": {"lab": {"basse_url": "x"}}})
    assert not validator.is_valid({"models": {"fast": {}}})


def test_the_config_file_may_lend_the_servers_own_identity() -> None:
    def told(identity: str) -> str:
        return f"providers:\n  aws:\n    kind: bedrock\n    options: {{region: eu-west-1, identity: {identity}}}\n"

    provider = parse(told("machine"), "trimtab.yaml", {}).providers["aws"]
    assert (provider.api_key, provider.options["identity"]) == (None, "machine")
    [mistake] = mistakes(told("mine"))
    assert "Give identity: machine." in mistake
