"""Personal data beyond `scoring.pii`: numbers that need a word beside them, birthdays, addresses, and names by the
words around them; and which kinds belong to which country.

    mac  crypto  us_itin  us_routing  us_passport  ca_sin  au_tfn  ch_ahv  be_nrn  date_of_birth  address  name
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

from trimtab.scoring import pii
from trimtab.scoring.looking import LONGEST, Glance, begun, matches_at, matches_in
from trimtab.scoring.pii import luhn

SURE, LIKELY, POSSIBLE = 1.0, 0.85, 0.6
LOCALES: Final[dict[str, tuple[str, ...]]] = {
    "us": ("us_ssn", "us_itin", "us_routing", "us_passport"),
    "gb": ("uk_nino", "uk_nhs"),
    "de": ("de_tax_id",),
    "fr": ("fr_nir",),
    "es": ("es_dni",),
    "it": ("it_codice_fiscale",),
    "nl": ("nl_bsn",),
    "be": ("be_nrn",),
    "pl": ("pl_pesel",),
    "br": ("br_cpf",),
    "in": ("in_aadhaar",),
    "se": ("se_personnummer",),
    "fi": ("fi_hetu",),
    "ca": ("ca_sin",),
    "au": ("au_tfn",),
    "ch": ("ch_ahv",),
}
"""Packs: what is looked for besides what every country has."""
EVERYWHERE: Final = ("email", "phone", "card", "iban", "ip", "mac", "crypto", "date_of_birth", "address", "name")
KINDS: Final[tuple[str, ...]] = (*EVERYWHERE, *(kind for kinds in LOCALES.values() for kind in kinds))
_CHECKED: Final = frozenset(
    ("email", "card", "iban", "ip", "mac", "crypto", *(k for ks in LOCALES.values() for k in ks))
)


class Seen(Struct, frozen=True, order=True):
    """Characters ``start`` to ``end`` are a ``kind``, as surely as ``score`` says."""

    start: int
    end: int
    kind: str
    score: float


def find(text: str, kinds: frozenset[str]) -> list[Seen]:
    """By place, without overlaps: the surer one stays, then the longer one. Time grows with the text."""
    found: list[Seen] = []
    seen = Glance(text)
    if theirs := kinds.intersection(pii.NAMES):
        found += [
            Seen(each.start, each.end, each.kind, SURE if each.kind in _CHECKED else LIKELY)
            for each in pii.found_in(seen, theirs)
        ]
    for rule in _RULES:
        if rule.kind in kinds:
            found += rule.find(seen)
    leads = [match.start() for match in _LEADS.finditer(seen.lowered)] if kinds & _LED else []
    if "address" in kinds and seen.longest:
        found += addresses(seen, leads)
    if "name" in kinds:
        found += names(seen, leads)
    return apart(found)


def apart(found: Iterable[Seen]) -> list[Seen]:
    kept: list[Seen] = []  # by place: none lies over another, so only the neighbours can lie over a new one
    for each in sorted(found, key=lambda seen: (-seen.score, seen.start - seen.end, seen.start)):
        at = bisect_left(kept, each.start, key=lambda seen: seen.start)
        if (at == 0 or kept[at - 1].end <= each.start) and (at == len(kept) or kept[at].start >= each.end):
            kept.insert(at, each)
    return kept


# --- numbers and marks ---


class _Rule(Struct, frozen=True):
    """``near``: a word of which one must stand within 60 characters before. ``figures``: how many stand in a row at
    least. ``needs``: what must be in the text, and is cheaper to look for. ``around``: of how many figures the rows are
    around which it is looked for (None: of ``figures``)."""

    kind: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]
    near: re.Pattern[str] | None
    score: float
    unless: re.Pattern[str] | None = None
    hints: tuple[str, ...] = ()
    figures: int = 0
    needs: re.Pattern[str] | None = None
    around: int | None = None

    def find(self, seen: Glance) -> list[Seen]:
        """Without one of the hints in the text there is nothing to find."""
        found: list[Seen] = []
        if seen.longest < self.figures or (self.hints and not seen.has(self.hints)):
            return found
        text = seen.text
        if self.needs is not None and not self.needs.search(text, 0, LONGEST):
            return found
        around = self.figures if self.around is None else self.around
        for match in matches_in(self.pattern, text, pii.where(around, seen)):
            before = text[max(0, match.start() - 60) : match.start()] if self.near or self.unless else ""
            if self.near is not None and not self.near.search(before):
                continue
            if self.unless is not None and self.unless.search(before):
                continue
            if self.valid(match[0]):
                found.append(Seen(match.start(), match.end(), self.kind, self.score))
        return found


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _any(text: str) -> bool:
    del text
    return True


def _routing(text: str) -> bool:
    """The American Bankers Association's check: 3, 7, 1 in turn, a multiple of ten."""
    digits = _digits(text)
    return sum(int(digit) * (3, 7, 1)[place % 3] for place, digit in enumerate(digits)) % 10 == 0 and int(digits) > 0


def _sin(text: str) -> bool:
    digits = _digits(text)
    return digits[0] not in "08" and luhn(digits)


def _tfn(text: str) -> bool:
    """The Australian Taxation Office's weights, a multiple of eleven."""
    digits = _digits(text)
    return (
        sum(int(digit) * weight for digit, weight in zip(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10), strict=False)) % 11 == 0
    )


def _ahv(text: str) -> bool:
    """EAN-13 (Swiss Central Compensation Office)."""
    digits = _digits(text)
    return sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(digits)) % 10 == 0


def _nrn(text: str) -> bool:
    """97 less the rest of the first nine figures (with a 2 before them for births from 2000 on)."""
    digits = _digits(text)
    return any(97 - int(lead + digits[:9]) % 97 == int(digits[9:]) for lead in ("", "2"))


_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _wallet(text: str) -> bool:
    """Base58Check for Bitcoin's older addresses (a double SHA-256); bech32 and Ethereum's by their shape."""
    if text[0] not in "13":
        return True
    number = 0
    for mark in text:
        number = number * 58 + _BASE58.index(mark)
    if number >> 200:
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


_PHONE_WORDS: Final = (
    r"\b(?:phone|telephone|mobile|cell(?:phone)?|call(?:ed|ing|s)?|fax|whatsapp|sms|text(?:ed)?|dial|ring|reach|"
    r"contact|hotline|landline|"
    r"tel|telefon\w{0,6}|handy\w{0,6}|rufen|erreichen|téléphone|portable|appele[rz]|móvil|teléfono|llam\w{1,4}|"
    r"cellulare|telefono|"
    r"chiam\w{1,4}|telefone|celular|ligue|telefoon\w{0,6}|bel(?:len)?)\b|\bnumber is\b|\bmy (?:new )?number\b"
)
_OTHER_NUMBERS: Final = (
    r"\b(?:account|order|invoice|ticket|case|reference|ref|tracking|card|policy|serial|part|flight|room|passport|"
    r"ssn|tax|"
    r"customer|booking|routing|page|chapter|isbn|zip|version)\b[^.!?\n]{0,30}$"
)


def _seven(text: str) -> bool:
    return 6 <= len(_digits(text)) <= 12


def _long(text: str) -> bool:
    """Without what follows an ``x``; E.164 has 15 figures at most, and ``00`` may stand before them."""
    return 8 <= len(_digits(text.partition("x")[0].partition("e")[0])) <= 17


def _rule(kind: str, pattern: str, valid: Callable[[str], bool] = _any, near: str = "", score: float = SURE,
          unless: str = "", flags: re.RegexFlag = re.NOFLAG, hints: str = "") -> _Rule:  # fmt: skip
    return _Rule(
        kind, re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", flags), valid,
        re.compile(near, re.IGNORECASE) if near else None, score,
        re.compile(unless, re.IGNORECASE) if unless else None, tuple(hints.split()), pii.FIGURES.get(kind, 0),
    )  # fmt: skip


_MONTH: Final = (
    r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|ene|abr|ago|dic|janv|févr|avr|juin|juil|"
    r"août|déc|gen|mag|giu|lug|set|ott)"
    r"[^\W\d_]{0,8}\.?"
)
_WALLETS: Final = (
    "1[1-9A-HJ-NP-Za-km-z]{25,34}", "3[1-9A-HJ-NP-Za-km-z]{25,34}", "bc1[02-9ac-hj-np-z]{11,71}", "0x[0-9a-fA-F]{40}",
)  # fmt: skip
_RULES: Final[tuple[_Rule, ...]] = (
    _Rule(
        "mac", re.compile(r"(?<!\w)[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?!\w)"), _any, None, SURE,
        needs=re.compile(r"([:-])[0-9A-Fa-f]{2}\1"),
    ),
    _Rule("crypto", re.compile(rf"(?:{begun(_WALLETS)})(?!\w)"), _wallet, None, SURE),
    _rule("us_itin", r"9\d{2}[- ](?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])[- ]\d{4}"),
    _rule("us_routing", r"[0-3]\d{8}", _routing, r"\b(?:routing|aba|rtn)\b", hints="routing aba rtn"),
    _rule("us_passport", r"[A-Z]?\d{8,9}", _any, r"\bpassport\b", LIKELY, hints="passport"),
    _rule("ca_sin", r"\d{3}[ -]?\d{3}[ -]?\d{3}", _sin, r"\b(?:sin|social insurance|nas)\b", hints="sin insurance nas"),
    _rule("au_tfn", r"\d{3} ?\d{3} ?\d{3}", _tfn, r"\b(?:tfn|tax file)\b", hints="tfn tax"),
    _rule("ch_ahv", r"756\.\d{4}\.\d{4}\.\d{2}", _ahv, hints="756."),
    _rule("be_nrn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", _nrn),
    _rule("phone", r"(?<![+.,])\+?\(?\d{2,6}\)?(?:[ ./()-]{1,3}\d{2,8}){1,5}|"
                   r"\d{7,12}", _seven, _PHONE_WORDS, POSSIBLE, _OTHER_NUMBERS),
    _Rule(
        "phone",
        re.compile(rf"(?:{begun(('00[1-9]', '+[1-9]'))})[\d ./()-]{{7,20}}\d(?: ?(?:x|ext\.?) ?\d{{1,6}})?(?!\w)"),
        _long, None, LIKELY, figures=6, around=0,
    ),
    _rule(
        "phone",
        r"\+?\(?\d{2,6}\)?(?:[ ./()-]{1,3}\d{2,8}){1,5}(?= ?[-–(:,] ?(?i:office|fax|home|mobile|cell|work|tel)\b)|"
        r"\d{7,12}(?= ?[-–(:,] ?(?i:office|fax|home|mobile|cell|work|tel)\b)",
        _seven, "", LIKELY,
    ),
    _rule(
        "date_of_birth",
        rf"\d{{1,2}}[./-]\d{{1,2}}[./-](?:19|20)?\d{{2}}|(?:19|20)\d{{2}}-\d{{2}}-\d{{2}}|"
        rf"\d{{1,2}}(?:st|nd|rd|th)?\.?\s(?:of\s|de\s)?{_MONTH},?\s(?:de\s)?(?:19|20)\d{{2}}|"
        rf"{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s(?:19|20)\d{{2}}",
        _any,
        r"\b(?:born|birth(?:day|date)?|dob|d\.o\.b|geboren|geburts\w{2,8}|né(?:e|\(e\))?|naissance|nacid[oa]|"
        r"nacimiento|nat[oa]|nascita|nascid[oa]|nascimento)\b",
        LIKELY, flags=re.IGNORECASE,
        hints="born birth dob d.o.b gebor geburt né naiss nacid nacim nato nata nasci",
    ),
)  # fmt: skip


# --- addresses ---

_WORD: Final = r"[^\W\d_][\w'’.-]{0,30}"
_TYPES: Final = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|way|"
    r"parkway|pkwy|highway|hwy|"
    r"crescent|close|circle|trail|loop|row|alley|quay|gardens?|mews|grove)"
)
_STREETS: Final = (
    "rua", "rue", "via", "viale", "calle", "avenida", "av", "avda", "plaza", "piazza", "place", "corso", "largo",
    "travessa", "boulevard", "bd", "allée", "chemin", "impasse", "quai", "carrer", "paseo", "ul", "ulica", "al",
    "aleja", "strada", "stradă", "praça", "rodovia", "ctra", "camino", "vicolo", "passeig",
)  # fmt: skip
_FIRST: Final = rf"(?:{'|'.join(_STREETS)})"
_SUFFIX: Final = (
    r"(?:stra(?:ß|ss)e|str\.?|gasse|weg|platz|allee|damm|ufer|ring|gata|gatan|gate|gade|vej|vegen|veien|väg|vägen|"
    r"veg|katu|tie|polku|laan|straat|plein|kade|dreef|"
    r"singel|gracht|utca|út|körút|ulice|cesta|bakken|bakke|stræde|alle|allé|toften|parken|vænget|haven|marken|"
    r"kuja|rinne|brekka|stígur|gränd|stigen)"
)
_UNIT: Final = r"(?:,?\s{1,3}(?:apt|apartment|suite|ste|unit|floor|fl|room|rm|flat|box|#)\.?\s{0,2}\d{1,5}[A-Za-z]?)"
_UNDER: Final = r"(?:(?:de|do|da|del|della|di|des|du|la|las|los|le|les|dos|dei)\s){0,2}"
_SUFFIXED: Final = rf"[^\W\d_]{{2,25}}(?i:{_SUFFIX})"
_STATE: Final = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|"
    r"W[AIVY])"
)
_HOUSE: Final = re.compile(r"\d(?<!\w\d)\d{0,5}[A-Za-z]?,?\s(?=[^\W\d_])")
"""A number with a word behind it."""


class _Cue(Struct, frozen=True):
    """A pattern, and what is looked for first. ``hints``: of which one must be in the text; ``needs``: what must be, in
    lower case. ``at``: where alone it can begin: at a number (`_HOUSE`), at a word of `_LEADS`, near a code
    (`Glance.coded`)."""

    pattern: re.Pattern[str]
    score: float
    at: Literal["", "house", "lead", "code"] = ""
    hints: tuple[str, ...] = ()
    needs: re.Pattern[str] | None = None

    def matches(self, seen: Glance, houses: Sequence[int], leads: Sequence[int]) -> Iterable[re.Match[str]]:
        if self.hints and not seen.has(self.hints):
            return ()
        if self.needs is not None and not self.needs.search(seen.lowered):
            return ()
        if self.at == "code":
            return matches_in(self.pattern, seen.text, seen.coded())
        if self.at:
            return matches_at(self.pattern, seen.text, houses if self.at == "house" else leads)
        return self.pattern.finditer(seen.text, 0, LONGEST)


def _cue(pattern: str, score: float = LIKELY, at: Literal["", "house", "lead", "code"] = "", hints: str = "",
         needs: str = "") -> _Cue:  # fmt: skip
    """``hints`` with a bar between them."""
    return _Cue(
        re.compile(pattern), score, at, tuple(hints.split("|")) if hints else (), re.compile(needs) if needs else None
    )


_ADDRESSES: Final = (
    _cue(
        rf"(?<!\w)\d{{1,6}}[A-Za-z]?,?\s(?:[NSEW]\.?\s)?(?:{_WORD}\s){{1,4}}(?i:{_TYPES})\b\.?{_UNIT}?", at="house"
    ),
    _cue(
        rf"\b(?i:{_FIRST})\.?\s{_UNDER}(?:{_WORD}\s?){{1,4}},?\s?(?:n[.º°]?\s?)?\d{{1,5}}[A-Za-z]?\b{_UNIT}?",
        at="lead",
    ),
    _cue(rf"(?<!\w)\d{{1,6}}\s(?:{_WORD}\s){{0,2}}{_SUFFIXED}(?:\s\d{{1,4}})?\b{_UNIT}?", at="house"),
    _cue(
        r"\b(?i:p\.?\s?o\.?\s?box|postfach|bo[iî]te postale|apartado(?: de correos)?|postbus|casella postale)"
        r"\s{1,3}\d{1,7}\b",
        hints="box|postfach|postal|apartado|postbus|postale",
    ),
    _cue(
        rf"(?<!\w)(?:\d{{1,6}}\s)?(?:{_WORD}\s){{1,4}}\d{{0,4}}\s?(?i:(?:apt|suite|ste)\.)\s\d{{1,5}}\b",
        POSSIBLE, hints="apt.|suite.|ste.", needs=r"(?:apt|suite|ste)\.\s\d",
    ),
    _cue(r"\b(?i:apt|suite)\.?\s\d{1,5}\b", POSSIBLE, hints="apt|suite", needs=r"(?:apt|suite)\.?\s\d"),
    _cue(
        rf"\b[A-Z][\w'.-]{{1,30}}(?:\s[A-Z][\w'.-]{{1,30}}){{0,2}},\s{_STATE}\s\d{{5}}(?:-\d{{4}})?\b",
        needs=r",\s[a-z]{2}\s\d",
    ),
    _cue(r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[ABD-HJLNP-UW-Z]{2}\b", at="code"),
    _cue(r"\b[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z]\s\d[ABCEGHJ-NPRSTV-Z]\d\b", at="code"),
)  # fmt: skip
_NUMBER: Final = re.compile(rf"\s\d{{1,4}}(?:\s?[a-zA-Z])?(?!\w){_UNIT}?")
_BEFORE_NUMBER: Final = re.compile(rf"(?<!\w)(?:[^\W\d_a-zß-öø-ÿ][\w'’.-]{{0,30}}[ -]){{0,2}}{_SUFFIXED}$")
_ENDINGS: Final = tuple(_SUFFIX[3:-1].replace("stra(?:ß|ss)e|str\\.?", "straße|strasse|str|str.").split("|"))
_JOINED: Final = re.compile(r"[\s,]{1,4}")


def addresses(seen: Glance, leads: Sequence[int]) -> list[Seen]:
    """Streets with their numbers, boxes, places with their codes; parts that only a comma divides are one. ``leads``:
    where words of `_LEADS` stand."""
    text = seen.text
    houses = [match.start() for match in _HOUSE.finditer(text, 0, LONGEST)]
    found = [
        Seen(match.start(), match.end(), "address", cue.score)
        for cue in _ADDRESSES
        for match in cue.matches(seen, houses, leads)
    ]
    found += numbered(seen)
    found.sort()
    joined: list[Seen] = []
    for each in found:
        last = joined[-1] if joined else None
        if last is not None and (each.start <= last.end or _JOINED.fullmatch(text, last.end, each.start)):
            joined[-1] = Seen(last.start, max(last.end, each.end), "address", max(last.score, each.score))
        else:
            joined.append(each)
    return joined


def numbered(seen: Glance) -> list[Seen]:
    """Streets whose kind is the end of their name and whose number follows (``Hauptstraße 12``): from the number back,
    since there are fewer numbers than words."""
    found: list[Seen] = []
    text, lowered = seen.text, seen.lowered
    for match in _NUMBER.finditer(text, 0, LONGEST):
        if not lowered.endswith(_ENDINGS, max(0, match.start() - 12), match.start()):
            continue
        least = max(0, match.start() - 90)
        street = _BEFORE_NUMBER.search(text, least, match.start())
        if street is not None:
            found.append(Seen(street.start(), match.end(), "address", LIKELY))
    return found


# --- names by the words around them ---

_INITIAL: Final = r"[^\W\d_a-zß-öø-ÿ]"
_CAPITAL: Final = rf"{_INITIAL}(?:[\w'’-]{{1,25}}|\.)"
_PART: Final = r"(?:(?:van|von|de|der|den|del|della|di|da|dos|la|le|al|bin|ibn|el|y)\s)"
_MORE: Final = rf"(?:\s{_PART}{{0,2}}{_CAPITAL})"
_FULL: Final = rf"{_CAPITAL}{_MORE}{{0,3}}"
_TWO: Final = rf"{_CAPITAL}{_MORE}{{1,3}}"
_TITLES: Final = (
    "Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", "Prof", "Professor", "Sir", "Lady", "Lord", "Herr", "Herrn", "Frau", "Mme",
    "Mlle", "Monsieur", "Madame", "Sr", "Sra", "Srta", "Señor", "Señora", "Don", "Doña", "Sig", "Signor", "Signora",
    "Dhr", "Mevr", "Mw", "Pan", "Pani", "Hr", "Fru",
)  # fmt: skip
_CALLED: Final = (
    "my (?:full |last |first )?name(?:'s| is)", "name(?: is)?:", "call me", "i am called", "named", "ich hei(?:ß|ss)e",
    "mein name ist", "je m'appelle", "mon nom est", "me llamo", "mi nombre es", "mi chiamo", "meu nome é", "me chamo",
    "ik heet", "mijn naam is", "jag heter", "jeg hedder", "nazywam się", "signed", "sincerely", "regards",
)  # fmt: skip
_GREETING: Final = (
    r"(?:Dear|Hi|Hello|Hey|Lieber?|Hallo|Cher|Chère|Bonjour|Estimad[oa]|Hola|Gentile|Caro|Cara|Olá|Beste)"
)
_FIELD: Final = r"(?:Name|From|To|Patient|Customer|Client|Contact|Attn|Kunde|Nom|Nombre|Nome)"
_BEHIND: Final = (
    r"(?:(?:lives|resides|works|was born|is employed) (?:at|in|for|on)\b|\(?<?[\w.+-]{1,64}@|"
    r"'s (?:phone|email|address|number|account|birthday|passport|salary|ssn))"
)
_SELF: Final = ("ich bin", "je suis", "soy", "sono", "ik ben")
_LEADS: Final = re.compile(
    begun([rf"{word[0]}(?={word[1:]}\.?\s)" for word in _STREETS]
          + [f"{word[0]}(?={word[1:]})" for word in (*_CALLED, "i'm", "i am", *_SELF)])
)  # fmt: skip
"""Words at which an address or a name may begin, in a text in lower case. It takes their first letters alone: ``name:``
may stand in ``my name: ...``."""
_LED: Final = frozenset(("address", "name"))
_NAMES: Final = (
    _cue(rf"(?:{begun(_TITLES)})\.?\s(?P<name>{_FULL})"),
    _cue(rf"\b(?i:{'|'.join(_CALLED)}),?\s(?P<name>{_FULL})", at="lead"),
    _cue(rf"\b(?:I'm|I am|(?i:{'|'.join(_SELF)}))\s(?P<name>{_TWO})", at="lead"),
    _cue(
        rf"(?P<name>{_INITIAL}(?<!\w{_INITIAL})(?<![.!?]\s{_INITIAL})(?:[\w'’-]{{1,25}}|\.){_MORE}{{1,3}})\s{_BEHIND}",
        POSSIBLE, hints=" lives | resides | works | was born | is employed |@|'s ",
    ),
)  # fmt: skip
_OF_LINES: Final = (
    re.compile(rf"\n\s{{0,4}}{_GREETING}\s(?P<name>{_FULL})\s?(?=[,!:\n])"),
    re.compile(rf"\n\s{{0,4}}{_FIELD}\s?:\s{{0,3}}(?P<name>{_FULL})\s{{0,3}}(?=[\n<,(]|$)"),
)
"""Tried on a text behind one end of a line more, since its own beginning is that of a line, too."""
_NOT_NAMES_WORDS: Final = """
    i a an the this that it he she they we you not no so very just here there what who why how when where yes ok
    okay sir madam team all everyone everybody there friend friends customer support sales hiring manager
    colleagues doctor president king queen god world chatgpt assistant ai bot
"""
_NOT_NAMES: Final = frozenset(_NOT_NAMES_WORDS.split())


def names(seen: Glance, leads: Sequence[int]) -> list[Seen]:
    """``leads``: where words of `_LEADS` stand."""
    found = [(cue.score, match.span("name")) for cue in _NAMES for match in cue.matches(seen, (), leads)]
    lines = "\n" + seen.text[:LONGEST]
    for pattern in _OF_LINES:
        for match in pattern.finditer(lines):
            start, end = match.span("name")
            found.append((POSSIBLE, (start - 1, end - 1)))
    return [
        Seen(start, end, "name", score)
        for score, (start, end) in found
        if seen.text[start:end].split()[0].casefold().strip(".") not in _NOT_NAMES
    ]
