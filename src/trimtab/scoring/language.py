"""Which language a text is written in: by its script, then by the small words that no sentence does without.

It would rather say nothing than guess: a text of a few words, or of two languages, is ``""``.
The words are the commonest function words of each language, leaving out those that several share.
"""

import re

MIN_HITS = 2
_LOOKED_AT = 1000
_WORD = re.compile(r"[^\W\d_]+")

# Script ranges: Unicode blocks (https://www.unicode.org/Public/UNIDATA/Blocks.txt).
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("cyrillic", re.compile(r"[\u0400-\u04ff]")),
)
_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the and is are was of to what how why which who does do did this that with for my your you it can "
        "should would there not have has been from they we his her their its when where",
        "de": "der die das und ist sind war nicht ein eine einen dem den des ich du wir ihr sie wie warum wo wer "
        "mit für auf von zu im bei auch wird werden kann haben hat mein dein bitte oder aber wenn dass kein",
        "fr": "le les des est sont dans pour avec sur pas vous nous je ce cette ces qui que quoi comment pourquoi "
        "où une aux mon votre mes être avoir fait plus mais ou il elle ils au du",
        "es": "el los las una es son por para con que qué cómo dónde cuál quién porque está estoy muy pero como "
        "del al mi tu su nosotros yo ser hay este esta esto puedo quiero lo",
        "it": "il gli che è sono per con non una come perché dove chi quale della delle nel alla mi ti questo "
        "questa posso vorrei anche ho hai ha di più ma dei degli",
        "pt": "os as um uma não é são com para por que como onde qual quem porque você eu meu minha está isso "
        "muito mas ao da do dos das em na no posso quero também",
        "nl": "het een en zijn niet van voor met op dat die wat hoe waarom waar wie ik jij je wij mijn jouw kan "
        "wordt worden ook maar aan bij naar heeft hebben deze dit er",
        "pl": "i w na nie jest są się że jak dlaczego gdzie kto co czy moje mój dla przez od po ale ten ta to być "
        "mam może tak jego oraz",
        "sv": "och är att det en ett inte på för med som hur varför var vem jag du vi min din kan ska har till "
        "från men den om av",
        "tr": "ve bir bu ne nasıl neden nerede kim için ile mi mı değil çok ben sen biz benim senin var yok olan "
        "daha gibi ama",
    }.items()
}


def language_of(text: str) -> str:
    """ISO 639-1 of the text's language, or empty where it is too short or too mixed to say."""
    text = text[:_LOOKED_AT]
    if not text.isascii() and (found := _by_script(text)):
        return found
    return _by_words(text)


def _by_script(text: str) -> str:
    letters = sum(1 for character in text if character.isalpha()) or 1
    for language, script in _SCRIPTS:
        found = len(script.findall(text))
        # Japanese mixes its own letters with Chinese ones, so a few of them already tell.
        if found and found / letters > (0.1 if language == "ja" else 0.4):
            return _cyrillic(text) if language == "cyrillic" else language
    return ""


def _cyrillic(text: str) -> str:
    lowered = text.lower()
    if any(letter in lowered for letter in "іїєґ"):
        return "uk"
    if any(letter in lowered for letter in "ыэё") or _WORD.search(lowered):
        return "ru"
    return ""


def _by_words(text: str) -> str:
    words = _WORD.findall(text.lower())
    hits = {language: sum(1 for word in words if word in known) for language, known in _WORDS.items()}
    first, second = sorted(hits.values(), reverse=True)[:2]
    if first < MIN_HITS or first == second:
        return ""
    return next(language for language, count in hits.items() if count == first)
