"""Names of people and places by a spaCy model that the team has installed: an optional plug, loaded when a guard is
made. None comes with Trimtab."""

from importlib.util import find_spec
from typing import Any, Final

from trimtab.core.errors import InvalidRequest
from trimtab.guard.detect.personal import LIKELY, Seen

_KINDS: Final = {"PERSON": "name", "PER": "name", "GPE": "location", "LOC": "location", "FAC": "location"}
MOST: Final = 200_000


class People:
    """``model`` is a spaCy pipeline with a recogniser of entities. Raises `InvalidRequest` where it is not there."""

    def __init__(self, model: str) -> None:
        if find_spec("spacy") is None:
            raise _missing(f"The model {model!r} needs the package spacy, which is not installed.", "pip install spacy")
        import spacy  # pyright: ignore[reportMissingImports]

        load: Any = getattr(spacy, "load")  # noqa: B009 - its stubs may be missing
        try:
            self._model = load(model, exclude=["lemmatizer", "attribute_ruler", "parser", "senter"])
        except OSError as error:
            raise _missing(f"spaCy finds no model {model!r}.", f"python -m spacy download {model}") from error

    def find(self, text: str) -> list[Seen]:
        """Names and places of the first `MOST` characters."""
        return [
            Seen(each.start_char, each.end_char, _KINDS[each.label_], LIKELY)
            for each in self._model(text[:MOST]).ents
            if each.label_ in _KINDS and any(map(str.isalpha, each.text))
        ]


def _missing(message: str, fix: str) -> InvalidRequest:
    return InvalidRequest(message, fix=f"Install it on every server: {fix}.", param="options")
