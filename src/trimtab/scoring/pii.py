"""Personal data in a text, found by its shape and, where there is one, by its checksum.

What has a checksum (payment cards, IBANs, national numbers) is told with little doubt. E-mail addresses are told by
their shape. Telephone numbers are told where they are written as such: with a country's prefix, as in North America,
with a leading zero and gaps, or after a word for them; a bare row of figures is none. Names and postal addresses need a
model and are not looked for.

    email  phone  card  iban  ip  us_ssn  uk_nino  uk_nhs  de_tax_id  fr_nir  es_dni  it_codice_fiscale  nl_bsn
    pl_pesel  br_cpf  in_aadhaar  se_personnummer  fi_hetu
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from trimtab.scoring.looking import LONGEST, Glance, matches_in, stretches

FIGURES: Final = {
    "card": 13, "us_ssn": 9, "uk_nino": 6, "uk_nhs": 10, "de_tax_id": 11, "fr_nir": 8, "es_dni": 7,
    "it_codice_fiscale": 2, "nl_bsn": 9, "pl_pesel": 11, "br_cpf": 11, "in_aadhaar": 12, "se_personnummer": 10,
    "fi_hetu": 6, "phone": 6, "iban": 2, "us_itin": 9, "us_routing": 9, "us_passport": 8, "ca_sin": 9, "au_tfn": 9,
    "ch_ahv": 13, "be_nrn": 11, "address": 1, "date_of_birth": 3,
}  # fmt: skip
"""So many figures stand in a row, with a few marks between them at most, wherever one of a kind is."""
LONG_ROW, SHORT_ROW = 6, 3
_AT: Final = re.compile("@")
_AROUND_AT: Final = (66, 6 * 64 + 26)
"""Characters of an address before and behind its ``@``, and one beside each end."""


class Found(Struct, frozen=True, order=True):
    """A finding: where it stands, which kind it is, and the text itself."""

    start: int
    end: int
    kind: str
    text: str

    @property
    def canonical(self) -> str:
        """The same for the same datum written otherwise."""
        kept = self.text if self.kind in ("email", "ip") else re.sub(r"[\W_]", "", self.text)
        return kept.lower()

    def masked(self) -> str:
        """For showing to people: enough to find it, not enough to use it."""
        hidden, last = "•" * min(8, max(3, len(self.text) - 4)), self.text[-2:] if len(self.text) > 8 else ""
        return f"{self.text[:2]}{hidden}{last}"


class _Kind(Struct, frozen=True):
    """``valid`` gets the letters and figures of a match, in upper case. ``near``: words of which one must stand
    shortly before, where the shape alone says too little. ``hints``: without one of them anywhere in the text (in lower
    case) there is none, and looking is spared; so it is without a match of ``needs``, which is cheaper to look for.
    ``figures``: how many stand in a row at least (`FIGURES`)."""

    name: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]
    near: re.Pattern[str] | None = None
    hints: tuple[str, ...] = ()
    needs: re.Pattern[str] | None = None
    figures: int = 0

    def where(self, seen: Glance) -> list[tuple[int, int]]:
        """Stretches of a text outside of which there is none of the kind."""
        if seen.longest < self.figures or (self.hints and not seen.has(self.hints)):
            return []
        if self.name == "email":
            marks = (match.span() for match in _AT.finditer(seen.text, 0, LONGEST))
            return stretches(marks, *_AROUND_AT, seen.end)
        if self.name == "iban":
            return seen.coded()
        if self.needs is not None and not self.needs.search(seen.text, 0, LONGEST):
            return []
        return where(self.figures, seen)


def where(figures: int, seen: Glance) -> list[tuple[int, int]]:
    """Stretches outside of which there is nothing with so many figures in a row. Few different ones are made, so that
    most kinds share theirs."""
    if figures >= LONG_ROW:
        return seen.around(LONG_ROW)
    return seen.around(SHORT_ROW) if figures >= SHORT_ROW else [(0, seen.end)]


def find(text: str, kinds: Iterable[str] | None = None) -> list[Found]:
    """All personal data in a text, by place; of findings that overlap the one that begins first and is longest. Time
    grows with the text."""
    return found_in(Glance(text), None if kinds is None else frozenset(kinds))


def found_in(seen: Glance, wanted: AbstractSet[str] | None = None) -> list[Found]:
    """`find` for who has had a glance at the text already."""
    text = seen.text
    found: list[Found] = []
    for kind in KINDS:
        if wanted is not None and kind.name not in wanted:
            continue
        for match in matches_in(kind.pattern, text, kind.where(seen)):
            plain = match[0] if kind.name in ("email", "ip", "phone") else re.sub(r"[\W_]", "", match[0]).upper()
            if not kind.valid(plain):
                continue
            if kind.near is not None and not kind.near.search(text, max(0, match.start() - 60), match.start()):
                continue
            found.append(Found(match.start(), match.end(), kind.name, match[0]))
    found.sort(key=lambda each: (each.start, -each.end))
    kept: list[Found] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: every second figure from the right is doubled, and the sum ends in 0."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mod97(text: str) -> bool:
    """ISO/IEC 7064 MOD 97-10, as ISO 13616 uses it: the first four go last, letters are 10 to 35, and 1 remains."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(mark, 36)) for mark in turned)) % 97 == 1


def _weighted(digits: str, weights: Iterable[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


# --- one check per kind ---

# Lengths by country, from the SWIFT IBAN registry.
_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19,
    "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def _card(digits: str) -> bool:
    return (
        13 <= len(digits) <= 19
        and (digits[0] in "23456" or digits[:4] == "1800")
        and len(set(digits)) > 1
        and luhn(digits)
    )


def _iban(text: str) -> bool:
    return len(text) == _IBAN_LENGTHS.get(text[:2]) and mod97(text)


def _email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return len(local) <= 64 and ".." not in text and local[0] != "." and local[-1] != "." and "." in domain


def _phone(text: str) -> bool:
    return 7 <= sum(mark.isdecimal() for mark in text) <= 15  # E.164 has 15 at most


def _national(text: str) -> bool:
    """With the zero of a call within a country; fewer figures might be a date."""
    return 9 <= sum(mark.isdecimal() for mark in text) <= 12


def _ip(text: str) -> bool:
    """Addresses of somebody: neither this machine's nor a documentation's, and no version number with leading zeros."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_global


def _us_ssn(digits: str) -> bool:
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def _uk_nino(text: str) -> bool:
    return text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def _uk_nhs(digits: str) -> bool:
    check = 11 - _weighted(digits[:9], range(10, 1, -1)) % 11
    return check != 10 and check % 11 == int(digits[9])


def _de_tax_id(digits: str) -> bool:
    """ISO/IEC 7064 MOD 11,10; one figure of the first ten stands twice or three times."""
    counts = [digits[:10].count(figure) for figure in set(digits[:10])]
    if digits[0] == "0" or max(counts) not in (2, 3) or sum(count > 1 for count in counts) != 1:
        return False
    product = 10
    for figure in digits[:10]:
        total = (int(figure) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def _fr_nir(text: str) -> bool:
    body = text[:13].replace("2A", "19").replace("2B", "18")
    return body.isdecimal() and 97 - int(body) % 97 == int(text[13:])


def _es_dni(text: str) -> bool:
    number = text[:-1].replace("X", "0", 1).replace("Y", "1", 1).replace("Z", "2", 1)
    return number.isdecimal() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def _it_codice_fiscale(text: str) -> bool:
    """Decreto Ministeriale of 23 December 1976: odd places by a table, even ones by their order."""
    even = sum(int(mark) if mark.isdecimal() else ord(mark) - ord("A") for mark in text[1:15:2])
    return (sum(_ODD[mark] for mark in text[0:15:2]) + even) % 26 == ord(text[15]) - ord("A")


def _nl_bsn(digits: str) -> bool:
    return digits != "0" * 9 and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _pl_pesel(digits: str) -> bool:
    month = int(digits[2:4]) % 20
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    return 1 <= month <= 12 and 1 <= int(digits[4:6]) <= 31 and _weighted(digits, weights) % 10 == 0


def _br_cpf(digits: str) -> bool:
    if len(set(digits)) == 1:
        return False
    first = _weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = _weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return (first, second) == (int(digits[9]), int(digits[10]))


# Verhoeff's dihedral group and permutation.
_D: Final = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432",
             "7659821043", "8765932104", "9876543210")  # fmt: skip
_P: Final = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415",
             "7046913258")  # fmt: skip


def _in_aadhaar(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_D[check][int(_P[place % 8][int(digit)])])
    return check == 0 and len(set(digits)) > 1


def _se_personnummer(digits: str) -> bool:
    short = digits[-10:]
    day = int(short[4:6])
    return 1 <= int(short[2:4]) <= 12 and (1 <= day <= 31 or 61 <= day <= 91) and luhn(short)


def _fi_hetu(text: str) -> bool:
    digits = re.sub(r"[^0-9]", "", text[:6] + text[-4:-1])
    return len(digits) == 9 and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == text[-1]


def _any(text: str) -> bool:
    del text
    return True


def _kind(
    name: str,
    pattern: str,
    valid: Callable[[str], bool] = _any,
    near: str = "",
    flags: int = re.IGNORECASE,
    hints: tuple[str, ...] = (),
    needs: str = "",
    figures: int | None = None,
) -> _Kind:
    words = re.compile(near, re.IGNORECASE) if near else None
    return _Kind(
        name, re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", flags | re.ASCII), valid, words, hints,
        re.compile(needs) if needs else None, FIGURES.get(name, 0) if figures is None else figures,
    )  # fmt: skip


_TOLD: Final = r"(?:tel|phone|mobile|cell|call|fax|whatsapp|sms|telefon|handy|mobil|téléphone|móvil|teléfono|cellulare)"

_EXTENSION: Final = r"(?: ?(?:x|ext\.?) ?\d{1,5})?"

KINDS: Final[tuple[_Kind, ...]] = (
    _Kind(
        "email",
        re.compile(r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24}(?![\w-])"),
        _email,
        hints=("@",),
    ),
    _kind("iban", r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?", _iban, flags=0),
    _kind("card", r"(?<![.,-])\d{4}(?:[ -]?\d{4}){2}[ -]?\d{1,7}|(?<![.,-])3[47]\d{2}[ -]?\d{6}[ -]?\d{5}", _card),
    _kind("us_ssn", r"\d{3}-\d{2}-\d{4}", _us_ssn),
    _kind(
        "us_ssn",
        r"\d{3} ?\d{2} ?\d{4}",
        _us_ssn,
        near=r"\b(?:ssn|social security)\b",
        hints=("ssn", "social security"),
    ),
    _kind("uk_nino", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", _uk_nino),
    _kind("uk_nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", _uk_nhs, near=r"\bnhs\b", hints=("nhs",)),
    _kind(
        "de_tax_id",
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        _de_tax_id,
        near=r"steuer|tax|\bidnr|\btin\b|identifikations",
        hints=("steuer", "tax", "idnr", "tin", "identifikations"),
    ),
    _kind("fr_nir", r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _fr_nir),
    _kind("es_dni", r"(?:\d{8}|[XYZ]\d{7})-?[A-HJ-NP-TV-Z]", _es_dni),
    _kind("it_codice_fiscale", r"[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", _it_codice_fiscale, figures=3),
    _kind(
        "nl_bsn",
        r"\d{9}|\d{4}\.\d{2}\.\d{3}",
        _nl_bsn,
        near=r"\bbsn\b|burgerservice|sofinummer",
        hints=("bsn", "burgerservice", "sofinummer"),
    ),
    _kind("pl_pesel", r"\d{11}", _pl_pesel, near=r"pesel", hints=("pesel",)),
    _kind("br_cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", _br_cpf),
    _kind("br_cpf", r"\d{11}", _br_cpf, near=r"\bcpf\b", hints=("cpf",)),
    _kind(
        "in_aadhaar",
        r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}",
        _in_aadhaar,
        near=r"aadha+r|\buid(?:ai)?\b",
        hints=("aadha", "uid"),
    ),
    _kind("se_personnummer", r"(?:19|20)?\d{6}[-+]\d{4}", _se_personnummer),
    _kind("fi_hetu", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", _fi_hetu),
    _kind("ip", r"(?<!\.)(?:\d{1,3}\.){3}\d{1,3}(?!\.\d)", _ip, figures=4),
    _kind("ip", r"(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4}){1,4}", _ip,
          needs=r":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:"),
    _kind("phone", r"(?<![+.])(?:\+|00)[1-9]\d{0,2}(?:[ ./()-]{0,3}\d{1,5}){2,6}", _phone),
    _kind("phone", rf"(?<!\.)(?:\+?1[ .-]?)?(?:\(\d{{3}}\) ?|\d{{3}}[.-])\d{{3}}[.-]\d{{4}}{_EXTENSION}", _phone),
    _kind("phone", r"0[1-9]\d{0,3}[ /-]\d{2,8}(?:[ -]\d{2,4}){0,4}", _national),
    _kind("phone", r"\(?\d{2,6}\)?(?:[ ./-]{1,3}\d{2,8}){1,5}|"
                   r"\d{7,12}", _phone, near=rf"\b{_TOLD}\b[^\n\d]{{0,20}}$"),
)  # fmt: skip
NAMES: Final = tuple(dict.fromkeys(kind.name for kind in KINDS))
