"""What users are told when a guard stops a call: by template, app and language.

A template is looked for by the guard's own name for it (``refusal``; empty is ``default``), from the most particular to
the most general: app and language, app, language, any. A language is found by its whole tag (``pt-br``), then by its
first part (``pt``). Where a project has written nothing, our own words stand. ``{reference}`` in a text becomes the id
of the request, which support can look up: `trimtab guards why REQUEST_ID`.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from trimtab.guard.store import Refusal

DEFAULT: Final = "default"
REFERENCE: Final = "{reference}"
OWN: Final[Mapping[str, str]] = {
    "": "I cannot help with this request. If you think that this is a mistake, please give support this reference: "
    "{reference}",
    "de": "Dabei kann ich nicht helfen. Wenn Sie das für einen Irrtum halten, nennen Sie dem Support bitte diese "
    "Kennung: {reference}",
    "fr": "Je ne peux pas répondre à cette demande. Si vous pensez qu'il s'agit d'une erreur, communiquez cette "
    "référence au support : {reference}",
    "es": "No puedo ayudar con esta solicitud. Si cree que se trata de un error, indique esta referencia al servicio "
    "de asistencia: {reference}",
    "it": "Non posso aiutare con questa richiesta. Se pensa che si tratti di un errore, comunichi questo riferimento "
    "all'assistenza: {reference}",
}


class Refusals:
    """One project's templates."""

    def __init__(self, found: Iterable[Refusal] = ()) -> None:
        self._texts = {(each.name, each.app, each.language): each.text for each in found}

    def words(self, name: str, app: str, language: str, reference: str) -> str:
        return self._text(name or DEFAULT, app, language).replace(REFERENCE, reference)

    def _text(self, name: str, app: str, language: str) -> str:
        tags = [language, language.partition("-")[0], ""] if language else [""]
        for template in dict.fromkeys((name, DEFAULT)):
            for whose in dict.fromkeys((app, "")):
                for tag in tags:
                    found = self._texts.get((template, whose, tag))
                    if found is not None:
                        return found
        return next((OWN[tag] for tag in tags if tag in OWN), OWN[""])
