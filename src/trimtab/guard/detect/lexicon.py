"""Words of the same use, by their beginnings: what attacks on a model are made of, in nine languages.

One of a sort says nothing; which sorts meet in one sentence does, and is what the classifiers are told (`met`).
"""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

_WORDS: Final = {
    "over": """
        ignore ignoring disregard forget neglect override overrule overlook bypass discard drop erase cancel
        cancelled void revoked lifted suspend disable skip dismiss wipe reset obsolete superseded replaces
        overrides abandon break scrap exempt stop ignoriere vergiss missachte ignorez oublie oubliez ignora
        olvida dimentica esqueça desconsidere negeer vergeet zignoruj zapomnij игнорируй забудь unut
    """,
    "order": """
        instructions instruction prompt prompts rules rule guidelines directives directions commands policy
        policies restrictions limits limitations constraints programming filter filters safeguards guardrails
        orders checks censorship configuration anweisungen regeln vorgaben consignes règles reglas instrucciones
        istruzioni regole instruções regras instructies regels instrukcje zasady polecenia инструкции правила
        указания talimatları kuralları
    """,
    "past": """
        previous previously prior above earlier preceding initial original former before precedes bisherigen
        vorherigen précédentes antérieures anteriores previas precedenti iniziali vorige eerdere poprzednie
        предыдущие önceki
    """,
    "your": """
        your yours yourself you're you dein deine deinen ton tes votre tus tua teu
    """,
    "new": """
        new updated henceforth starting onwards now moment real actual true latest jetzt ab désormais ahora
    """,
    "power": """
        system developer developers admin administrator root sudo debug maintenance mode privileged hidden secret
        confidential internal creator authorised authorized owner
    """,
    "reveal": """
        reveal show print repeat output display disclose recite echo dump leak copy paste spell verbatim quote
        encode paraphrase expose zeige affiche révèle muestra revela mostra rivela mostre toon pokaż покажи
        göster
    """,
    "model": """
        ai ais llm llms chatbot chatbots assistant assistants model models gpt chatgpt claude gemini agents agent
        bot bots language copilot ki ia ии
    """,
    "role": """
        pretend act acting behave imagine roleplay persona character simulate become play emulate impersonate
        named called role twin mode personalities
    """,
    "free": """
        unfiltered uncensored unrestricted unlimited amoral evil freed free freedom jailbreak jailbroken illegal
        morals ethics ethical moral unethical conscience limitless legality uninhibited anything forbidden banned
        rogue dan
    """,
    "refuse": """
        refuse refuses refusal refusing sorry apologise apologize cannot warn warnings disclaimer disclaimers
        lecture decline deny reject moralise moralize comply complies obey obeys obedient
    """,
    "send": """
        send forward email mail post upload transmit transfer wire grant submit append attach share pay book
        schedule order fetch open visit download load call invoke execute run
    """,
    "stealth": """
        silently secretly discreetly trace unnoticed mention notify inform tell telling asking confirmation
        confirm hide conceal leave without
    """,
    "only": """
        only just simply nothing exactly solely instead rather
    """,
    "user": """
        user users user's
    """,
    "asset": """
        password passwords credentials token tokens key keys contacts inbox account records backups logs firewall
        alarm funds conversation history data addresses
    """,
    "answer": """
        response responses reply replies answer answers summary summarising summarizing translating output
        message
    """,
    "urge": """
        immediately emergency priority urgent must important attention always never confirm
    """,
    "harm": """
        bomb bombs explosives weapon weapons meth drugs malware virus hack hacking steal poison napalm crime
        crimes counterfeit forge keylogger launder kill violence
    """,
}
SORTS: Final[dict[str, frozenset[str]]] = {
    sort: frozenset(word[:5] for word in words.split()) for sort, words in _WORDS.items()
}


_PLACES: Final = {sort: place for place, sort in enumerate(SORTS)}
_SORTS_OF: Final[dict[str, tuple[int, ...]]] = {
    stem: tuple(place for sort, place in _PLACES.items() if stem in SORTS[sort])
    for stem in frozenset[str]().union(*SORTS.values())
}
_NAMES: Final = tuple(SORTS)
_PAIRS: Final = tuple(tuple(f"{one}&{other}" for other in _NAMES) for one in _NAMES)


def met(stems: AbstractSet[str]) -> frozenset[str]:
    """``over``, ``order``, ``over&order``, ...: the sorts in a sentence, alone and in pairs."""
    known = _SORTS_OF.keys() & stems
    return _named(frozenset([place for stem in known for place in _SORTS_OF[stem]])) if known else _NOTHING


_NOTHING: Final = frozenset[str]()


@lru_cache(maxsize=4_096)
def _named(places: frozenset[int]) -> frozenset[str]:
    there = sorted(places)
    found = {_NAMES[place] for place in there}
    for at, one in enumerate(there):
        row = _PAIRS[one]
        found.update([row[other] for other in there[at + 1 :]])
    return frozenset(found)
