"""What every test of a scorer asks."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from trimtab.scoring.judge import configured, judge
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import CannotScore, Sample, Scored, Tools


@pytest.fixture
def scored() -> Callable[..., Scored]:
    """``scored("numeric", Sample(...), absolute=1)``: the verdict, which must be a score."""

    def ask(name: str, sample: Sample, tools: Tools | None = None, /, **options: Any) -> Scored:
        scorer = REGISTRY.get(name)
        verdict = asyncio.run(judge(scorer, sample, configured(scorer, options), tools or Tools()))
        assert isinstance(verdict, Scored), verdict
        return verdict

    return ask


@pytest.fixture
def unscored() -> Callable[..., str]:
    """As `scored`, where there must be none: the reason."""

    def ask(name: str, sample: Sample, /, **options: Any) -> str:
        scorer = REGISTRY.get(name)
        verdict = asyncio.run(judge(scorer, sample, configured(scorer, options), Tools()))
        assert isinstance(verdict, CannotScore), verdict
        return verdict.reason

    return ask
