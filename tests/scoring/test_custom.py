"""A team's own functions as scorers."""

import asyncio
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.scoring.custom import Custom, load
from trimtab.scoring.judge import configured, judge
from trimtab.scoring.types import CannotScore, Sample, Scored, Tools, Verdict
from trimtab.sdk.scorers import score

FILE = """
    import asyncio, threading
    from dataclasses import dataclass
    from trimtab.scoring.types import Scored

    @dataclass
    class Kept:
        number: float = 0.25

    LIST = [1]
    released = threading.Event()

    def polite(output):
        \"\"\"Whether it says please.\"\"\"
        return "please" in output.lower()
    def share(sample, options): return Kept().number * options.get("times", 1)
    async def later(output, *, expected=None):
        await asyncio.sleep(0)
        return {"value": output == expected, "explanation": "compared", "detail": {"a": 1}}
    def label(output): return "fine"
    def nothing(output): return None
    def whole(sample): return Scored(value=0.5, label="half")
    def wrong(output): return object()
    def beyond(output): return 3
    def broken(output): return {"vlaue": 1}
    def raises(output): return 1 / 0
    def asks(answer): return 1
    def waits(output): released.wait(60)
    async def waits_too(output): await asyncio.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checks.py").write_text(dedent(FILE))
    return tmp_path


def judged(scorer: Custom, sample: Sample, options: Any = None) -> Verdict:
    return asyncio.run(judge(scorer, sample, configured(scorer, options), Tools()))


SAMPLE = Sample(output="Please wait.", expected="Please wait.")


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("polite", Scored(value=1.0)),
        ("share", Scored(value=0.5)),
        ("later", Scored(value=1.0, explanation="compared", detail={"a": 1})),
        ("label", Scored(label="fine")),
        ("whole", Scored(value=0.5, label="half")),
    ],
)
def test_what_a_function_gives_becomes_a_verdict(folder: Path, name: str, verdict: Scored) -> None:
    assert judged(load(f"checks.py:{name}", folder), SAMPLE, {"times": 2}) == verdict


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing", "gave None"),
        ("wrong", "gave object: give a bool"),
        ("beyond", "not within 0 and 1"),
        ("broken", "vlaue"),
        ("raises", "ZeroDivisionError: division by zero (line "),
    ],
)
def test_what_is_no_verdict_cannot_be_scored_and_says_why(folder: Path, name: str, why: str) -> None:
    verdict = judged(load(f"checks.py:{name}", folder), SAMPLE)
    assert isinstance(verdict, CannotScore)
    assert why in verdict.reason


@pytest.mark.parametrize("name", ["waits", "waits_too"])
def test_a_function_that_does_not_end_is_given_up(folder: Path, name: str) -> None:
    """The bound is shortened, and nothing here depends on how long it then takes."""
    scorer = load(f"checks.py:{name}", folder)
    verdict = judged(replace(scorer, bound_s=0.01), SAMPLE)
    assert isinstance(verdict, CannotScore)
    assert "did not end within 0.01 s" in verdict.reason
    scorer.function.__globals__["released"].set()


def test_a_failed_call_is_not_shown_to_the_function(folder: Path) -> None:
    verdict = judged(load("checks.py:label", folder), Sample(error="the provider is away"))
    assert isinstance(verdict, CannotScore)
    assert "provider is away" in verdict.reason


def test_a_mistake_in_the_reference_or_the_file_says_how_to_mend_it(folder: Path) -> None:
    (folder / "bad.py").write_text("x = 1\nimport no_such_module_here\n")
    (folder / "half.py").write_text("def f(:\n")
    with pytest.raises(NotFound, match="no function 'rude'") as told:
        load("checks.py:rude", folder)
    assert "polite" in told.value.fix
    with pytest.raises(NotFound, match="no function 'LIST'"):
        load("checks.py:LIST", folder)
    with pytest.raises(NotFound, match="no file"):
        load("nowhere.py:f", folder)
    with pytest.raises(InvalidRequest, match=r"no_such_module_here.*line 2"):
        load("bad.py:f", folder)
    with pytest.raises(InvalidRequest, match="SyntaxError"):
        load("half.py:f", folder)
    with pytest.raises(InvalidRequest, match="takes 'answer'") as told_too:
        load("checks.py:asks", folder)
    assert "output" in told_too.value.fix
    with pytest.raises(InvalidRequest, match="names no scorer"):
        load("checks.txt:f", folder)


def test_an_edited_file_is_read_anew_and_has_another_version(folder: Path) -> None:
    before = load("checks.py:polite", folder)
    (folder / "checks.py").write_text("def polite(output): return 0.25\n")
    after = load("checks.py:polite", folder)
    assert before.version != after.version
    assert judged(after, SAMPLE) == Scored(value=0.25)
    assert before.about == "Whether it says please."


def test_the_client_scores_in_this_process_by_name_and_by_file(folder: Path) -> None:
    assert score("exact", {"output": "yes", "expected": "Yes"}, {"ignore_case": True}) == Scored(value=1.0)
    assert score(f"{folder}/checks.py:polite", SAMPLE) == Scored(value=1.0)
