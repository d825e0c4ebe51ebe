"""An answer in another language than the question, where nobody asked for one.

The script tells most; among languages in Latin letters their most frequent words do. Both sides must be sure, and a
question or instruction that names any language is left alone.
"""

import re
from typing import Final

from trimtab.telemetry.detectors import Detector, Finding, Memory, Said

SAMPLE: Final = 400
GLANCE: Final = 160
"""Characters in which a text of any known language has two of its most frequent words, or it is not looked at: lists of
names, code and identifiers are left after a third of the work."""
LEAST: Final = 3
"""Different words of a language that make sure of it, at a tenth of all, and twice as many as of any other."""
SHORTEST_ANSWER: Final = 40
SHORTEST_QUESTION: Final = 20

_SCRIPTS: Final = (
    ("cyrillic", re.compile("[\u0400-\u04ff]")),
    ("japanese", re.compile("[\u3040-\u30ff]")),
    ("chinese", re.compile("[\u4e00-\u9fff]")),
    ("korean", re.compile("[\uac00-\ud7af]")),
    ("arabic", re.compile("[\u0600-\u06ff]")),
    ("hebrew", re.compile("[\u0590-\u05ff]")),
    ("greek", re.compile("[\u0370-\u03ff]")),
    ("devanagari", re.compile("[\u0900-\u097f]")),
    ("thai", re.compile("[\u0e00-\u0e7f]")),
)
_WORDS: Final = {
    "en": "the of and to is that with for are this was you it be on have not what how from can",
    "de": "der die das und ist nicht ein eine ich zu den mit sich auf für auch wie es wird sind im kann",
    "fr": "le la les des et est une dans pour que qui pas vous sur avec ce il au je sont du ne",
    "es": "el los las y que una por para con es del se como más pero su lo está muy cómo qué",
    "it": "il che di per una con è non del della sono gli nel come anche si più questo ma le",
    "pt": "o os que de não uma para com por mais como seu são ao você está isso pelo as um",
    "nl": "de het een en van niet dat ik je met voor zijn op te aan ook naar hoe wat er",
}
_SETS: Final = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_ALL: Final[frozenset[str]] = frozenset[str]().union(*_SETS.values())
_ENGLISH: Final = re.compile(
    r"\b(?:the|what|how|you|your|and|why|which|this|that|are|with|write|please|explain)\b", re.IGNORECASE
)
"""Words that no other of these languages has."""
_NAMED: Final = re.compile(
    r"\b(?:translat\w*|übersetz\w*|tradu\w+|language|sprache|langue|idioma|lingua|english|englisch|anglais|inglés|"
    r"inglese|german|deutsch\w*|allemand|alemán|french|französisch|français\w*|francés|spanish|spanisch|español|"
    r"espagnol|italian\w*|portugu\w+|dutch|niederländisch|chinese|chinesisch|japanese|korean|russian|russisch|arabic|"
    r"hindi|greek|hebrew|thai|turkish|polish|latin|multilingual|locale)\b|翻译|英文|中文|日本語|英語",
    re.IGNORECASE,
)


def _check(said: Said, memory: Memory) -> Finding | None:
    del memory
    answer, question = said.answer, said.question
    if len(answer) < SHORTEST_ANSWER or len(question) < SHORTEST_QUESTION:
        return None
    if (" the " in answer or " you " in answer) and _ENGLISH.search(question, 0, SAMPLE):
        return None  # English both: told from a word or two
    there = language_of(answer[:SAMPLE])
    if not there:
        return None
    here = language_of(question[:SAMPLE])
    if not here or here == there or {here, there} == {"chinese", "japanese"}:
        return None
    if "```" in answer or _NAMED.search(question) or _NAMED.search(said.system()):
        return None
    return Finding(f"{here}>{there}", f"The question reads as {here}, the answer as {there}.")


def language_of(text: str) -> str:
    """A script's or a language's name where it is sure; "" otherwise."""
    if not text.isascii():
        letters = sum(map(str.isalpha, text))
        for name, script in _SCRIPTS:
            if len(script.findall(text)) * 2 > letters > 0:
                return name
            if name == "japanese" and script.search(text):
                return name
    if len(_ALL.intersection(text[:GLANCE].lower().split())) < 2:
        return ""
    words = text.lower().split()
    if len(words) < 6:
        return ""
    distinct = _ALL.intersection(words)
    if len(distinct) < LEAST:
        return ""
    counts = sorted([(len(known & distinct), name) for name, known in _SETS.items()], reverse=True)
    (best, name), (second, _) = counts[0], counts[1]
    return name if best >= LEAST and best * 10 >= len(words) and best >= 2 * second else ""


PLUG = Detector(version="1", about="Answers in another language than it was asked in", check=_check, alone=True)
