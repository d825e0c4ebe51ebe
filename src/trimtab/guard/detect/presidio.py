"""Presidio's analyser in this process: an optional extra, in a thread of its own. None of it comes with Trimtab."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from msgspec import Struct

from trimtab.core.errors import InvalidRequest

EXTRA: Final = "pip install 'trimtab[pii]'"


class Entity(Struct, frozen=True):
    """As Presidio tells it, in its API and in process: a ``PERSON`` at characters ``start`` to ``end``."""

    entity_type: str
    start: int
    end: int
    score: float


Analyze = Callable[[str, Sequence[str]], list[Entity]]
"""``(text, entity types; none for all)``."""


def check(pipeline: str) -> None:
    """Raises `InvalidRequest` where Presidio or that pipeline of spaCy is not installed here."""
    if find_spec("presidio_analyzer") is None:
        raise InvalidRequest(
            "Presidio is not installed on this server.",
            fix=f"Install it on every server: {EXTRA}; or name a 'service' that runs Presidio's analyser.",
            param="options",
        )
    if find_spec(pipeline) is None:
        raise InvalidRequest(
            f"spaCy finds no pipeline {pipeline!r}.",
            fix=f"Install it on every server: python -m spacy download {pipeline}.",
            param="options",
        )


def engine(pipeline: str, language: str) -> Analyze:
    """Load it: seconds, and some hundred megabytes with a large pipeline."""
    library: Any = import_module("presidio_analyzer")
    domains: Any = import_module("tldextract.tldextract")  # else it fetches a list of suffixes at its first address
    domains.TLD_EXTRACTOR = domains.TLDExtract(suffix_list_urls=())
    models = [{"lang_code": language, "model_name": pipeline}]
    told = {"nlp_engine_name": "spacy", "models": models}
    spacy: Any = import_module("presidio_analyzer.nlp_engine").NlpEngineProvider(nlp_configuration=told)
    analyser: Any = library.AnalyzerEngine(nlp_engine=spacy.create_engine(), supported_languages=[language])

    def analyze(text: str, entities: Sequence[str]) -> list[Entity]:
        found: list[Any] = analyser.analyze(text=text, language=language, entities=list(entities) or None)
        return [Entity(str(each.entity_type), each.start, each.end, float(each.score)) for each in found]

    return analyze


class Engines:
    """Those that were loaded, by pipeline and language; texts wait for the one thread in which all of them look."""

    def __init__(self, load: Callable[[str, str], Analyze] = engine) -> None:
        self._load = load
        self._made: dict[tuple[str, str], Analyze] = {}
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None

    async def analyze(self, texts: Sequence[str], entities: Sequence[str], key: tuple[str, str]) -> list[list[Entity]]:
        """Of each text, in order. What a look that was given up left in the queue is not begun any more."""
        with self._lock:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="presidio")
            thread = self._thread
        loop = asyncio.get_running_loop()
        return [await loop.run_in_executor(thread, self._one, text, entities, key) for text in texts]

    def _one(self, text: str, entities: Sequence[str], key: tuple[str, str]) -> list[Entity]:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._load(*key)
        return made(text, entities)
