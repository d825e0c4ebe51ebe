"""A folder's files: every mistake of every file is told at once, where it stands, with what to do."""

import re
from pathlib import Path

import pytest

from trimtab.server.folder.reading import MOST_MISTAKES, FolderRefused, read_folder

TOP = """name: Main
project: default
providers: {}
models:
  fast: {provider: lab, fallback: [fast]}
  slow: {provider: lab, price: {input: 1}}
routes:
  best: {tree: {node: fallbak, of: [fast]}}
  loop: {tree: loop}
  helpdesk: {tree: fast}
policies:
  fast: {cache: {mode: exac}}
limits:
  daily: {measure: money, bound: 1, windw: day}
prices:
  own: {model: a, input: 1}
labels:
  support: {Prod: 1, beta: soon}
  greet: 3
environments:
  Staging: {}
  staging: {protection: {approvals: many}}
  production: {protection: {freezes: [{name: x, days: [frd]}]}, colour: red}
"""
PROMPT = """---
name: support
variables: {customer: string}
---
@system
Be kind.

@user
I am
{{ custmer }}.
"""
FILES = {
    "trimtab.yaml": TOP,
    "prompts/support.prompt.md": PROMPT,
    "prompts/desk/greet.prompt.md": "---\nname: greet\nvariabls: {}\n---\nHi\n",
    "prompts/broken.prompt.md": "---\nname: [\n---\nHi\n",
    "apps/helpdesk.yaml": "route: best\n",
    "apps/other.yaml": "route: best\nparameters:\n  temperature: 1\n  model: x\n",
    "apps/third.yaml": "promt: support\n",
    "apps/fourth.yaml": "route: {node: fallback, of: []}\ncache:\n  ttl: 0\n",
    "apps/fifth.yaml": "route: best\nknowledge: [{corpus: handbook, version: 1, follow: true}]\n",
    "apps/sixth.yaml": "a: [\n",
    "apps/Seventh.yaml": "route: best\n",
    "suites/answers.yaml": "x\n",
    "notes.txt": "hello",
}
EXPECTED = [
    ("apps/Seventh.yaml", 1, "cannot be an app's name"),
    ("apps/fifth.yaml", 2, "a version is named, and it is to be followed"),
    ("apps/fourth.yaml", 3, "'ttl_s' must be from 1 second"),
    ("apps/helpdesk.yaml", 1, "has the name of the route in trimtab.yaml:10"),
    ("apps/other.yaml", 4, "'model' is no parameter"),
    ("apps/sixth.yaml", 2, "not YAML"),
    ("apps/third.yaml", 1, "unknown field `promt`"),
    ("notes.txt", 1, "no file of a folder"),
    ("prompts/broken.prompt.md", 2, "not YAML"),
    ("prompts/desk/greet.prompt.md", 3, "unknown field `variabls`"),
    ("prompts/support.prompt.md", 10, "The variable 'custmer' is not declared. Did you mean 'customer'?"),
    ("suites/answers.yaml", 1, "A suite is a mapping of keys to values"),
    ("trimtab.yaml", 1, "'Main' cannot be a folder's name"),
    ("trimtab.yaml", 3, "Unknown key 'providers' in the folder. Providers hold keys"),
    ("trimtab.yaml", 5, "The fallbacks go round in a circle"),
    ("trimtab.yaml", 6, "lacks 'output'"),
    ("trimtab.yaml", 8, "Invalid value 'fallbak'"),
    ("trimtab.yaml", 9, "The routes go round in a circle: loop -> loop"),
    ("trimtab.yaml", 12, "There is no mode 'exac'"),
    ("trimtab.yaml", 14, "Unknown key 'windw'"),
    ("trimtab.yaml", 14, "needs a window"),
    ("trimtab.yaml", 16, "A price needs 'input' and 'output'"),
    ("trimtab.yaml", 18, "'Prod' cannot be a label"),
    ("trimtab.yaml", 18, "points at 'soon', which is no version"),
    ("trimtab.yaml", 19, "must be a mapping of labels to versions"),
    ("trimtab.yaml", 21, "'Staging' cannot be an environment's name"),
    ("trimtab.yaml", 22, "Expected `int`, got `str`"),
    ("trimtab.yaml", 23, "unknown field `colour`"),
]


def test_all_mistakes_of_all_files_are_told_at_once_with_their_places() -> None:
    folder = read_folder(FILES)
    told = sorted(str(each) for each in folder.mistakes)
    for path, line, words in EXPECTED:
        assert any(said.startswith(f"{path}:{line}: ") and words in said for said in told), (path, line, words, told)
    assert len(told) == len(EXPECTED), told
    with pytest.raises(FolderRefused) as caught:
        folder.sound()
    assert str(len(EXPECTED)) in caught.value.message


def test_a_protection_with_days_there_are_not_is_refused_at_its_line() -> None:
    text = "environments:\n  production:\n    protection:\n      freezes: [{name: x, days: [frd]}]\n"
    (mistake,) = read_folder({"trimtab.yaml": text}).mistakes
    assert (mistake.line, "days of the freeze" in mistake.what) == (4, True)


def test_a_thing_that_stands_in_two_files_is_told() -> None:
    prompt = "---\nname: greet\n---\nHi\n"
    files = {"trimtab.yaml": "", "prompts/a/greet.prompt.md": prompt, "prompts/b/greet.prompt.md": prompt}
    (mistake,) = read_folder(files).mistakes
    assert "stands in prompts/a/greet.prompt.md:1 too" in mistake.what


def test_a_folder_without_its_file_or_with_one_that_is_no_yaml_is_no_folder() -> None:
    assert "There is no trimtab.yaml" in read_folder({}).mistakes[0].what
    assert read_folder({"trimtab.yaml": "a: [\n"}).mistakes[0].line == 2


def test_what_may_stand_in_the_config_file_reads_the_same_in_a_folder() -> None:
    from trimtab.server.config.file import parse

    shared = """
models:
  fast: {provider: lab, model: gpt, fallback: [slow], price: {input: 1, output: 2.5}, cache: {ttl: 60}}
  slow: {provider: lab, resilience: {attempts: 2, hedge: {after_ms: 20}}}
routes:
  best: {tree: {node: weights, of: [{weight: 1, use: fast}, {weight: 2.5, use: slow}]}}
  near: {cache: {mode: semantic}, tree: fast, context: {deduplicate: true}}
policies: {best: {context: {max_tokens: 1000}}}
limits: {daily: {measure: money, bound: 0.1, window: day, per: [user]}, few: {measure: concurrency, bound: 3}}
prices: {own: {provider: "l*", model: gpt, from: 2026-01-01, input: 0.1, output: 0.20}}
"""
    config = parse(f"providers: {{lab: {{base_url: 'http://x/v1'}}}}\n{shared}", "t.yaml", {})
    folder = read_folder({"trimtab.yaml": shared})
    assert folder.mistakes == ()
    found = {(kind, name): item.value for (kind, name), item in folder.items.items()}
    assert {name: found["model", name] for name in config.models} == config.models
    assert {name: found["route", name] for name in config.routes} == config.routes
    assert {name: found["policy", name] for name in config.policies} == config.policies
    assert set(config.policies) == {"fast", "near", "best"}
    assert {name: found["limit", name] for name in config.limits} == config.limits
    assert [value for (kind, _), value in found.items() if kind == "price"] == list(config.prices)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000,
        "routes: {a: {tree: " + "[" * 3000,
        "routes: {a: {tree: !!python/object:os.system x}}",
        "routes: {a: {tree: !!binary 'x'}}",
        "labels: {support: {a: 2026-13-45}}",
        "labels: {support: {a: !!int x}}",
        "labels: {support: &a {b: *a}}",
        "environments: {qa: {protection: {freezes: !!set {a}}}}",
        "models: {a: &m {provider: lab, fallback: *m}}",
        "x: \0",
        "limits: {a: {measure: money, bound: .inf, window: day}}",
        "a" * 600_000,
    ],
    ids=range(12),
)
def test_odd_yaml_is_a_mistake_and_no_defect(text: str) -> None:
    assert read_folder({"trimtab.yaml": text}).mistakes
    assert read_folder({"trimtab.yaml": "", "apps/desk.yaml": text}).mistakes


def test_a_moment_needs_no_quotes() -> None:
    top = "environments: {qa: {protection: {freezes: [{name: x, start: 2026-12-24T18:00:00+01:00, end: "
    assert read_folder({"trimtab.yaml": top + "2026-12-27T08:00:00+01:00}]}}}"}).mistakes == ()


def test_the_example_of_the_documentation_is_a_folder() -> None:
    page = (Path(__file__).parents[3] / "docs/config-as-code.md").read_text()
    top, prompt, app = re.findall(r"```(?:yaml)?\n(.*?)```", page, re.DOTALL)[:3]
    folder = read_folder({"trimtab.yaml": top, "prompts/support.prompt.md": prompt, "apps/helpdesk.yaml": app})
    assert folder.mistakes == ()
    assert {str(each) for each in folder.items.values()} >= {"model fast", "route smart", "app helpdesk"}


def test_files_without_end_that_are_no_yaml_are_not_all_tried() -> None:
    files = {"trimtab.yaml": "name: main\n"} | {f"apps/a{number:04}.yaml": "[" for number in range(4_000)}
    mistakes = read_folder(files).mistakes
    assert len(mistakes) == MOST_MISTAKES + 1
    assert "not read" in mistakes[-1].what


def test_what_is_nested_without_end_is_told_before_it_costs_much() -> None:
    (mistake,) = read_folder({"trimtab.yaml": "name: main\n", "apps/a.yaml": "x: " + "[" * 1_000}).mistakes
    assert mistake.what == "It is nested deeper than 60 levels."


def test_a_suite_is_read_in_its_normal_form_and_each_mistake_has_its_line() -> None:
    files = {
        "trimtab.yaml": "name: main\n",
        "suites/support.yaml": "dataset: May cases.csv\nscorers: [{scorer: exact}]\n",
    }
    read = read_folder(files).sound()
    suite = read.items["suite", "support"]
    assert suite.plain == {"dataset": "may-cases", "scorers": [{"scorer": "exact"}]}, "as 'trimtab eval' brings it"
    for text, line, words in (
        ("dataset: q\nscorers:\n  - scorer: exacct\n", 3, "There is no scorer 'exacct'"),
        ("dataset: q\nscorers: [{scorer: exact}]\nalpha: 2\n", 3, "alpha"),
        ("dataset: q\nscorers: [{scorer: exact}]\nbudgets: 1\n", 3, "budgets"),
        ("dataset: q\nscorers:\n  - scorer: exact\n  - scorer: exact\n", 4, "Two scorers are called 'exact'"),
    ):
        (mistake,) = read_folder({**files, "suites/support.yaml": text}).mistakes
        assert (mistake.path, mistake.line) == ("suites/support.yaml", line)
        assert words in mistake.what
