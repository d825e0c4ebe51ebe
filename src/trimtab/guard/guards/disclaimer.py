"""Financial, medical and legal advice without the words that belong to it: a policy each."""

import re
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from trimtab.guard.types import Action, Finding, Look, Needs, Stage, Subject, Tools
from trimtab.scoring.texts import squeezed

Domain = Literal["financial", "medical", "legal"]
DOMAINS: Final[tuple[Domain, ...]] = ("financial", "medical", "legal")
Words = Annotated[str, Meta(min_length=3, max_length=2_000)]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``domains`` whose advice needs a disclaimer. ``accepted``: words of which one makes an answer's disclaimer, by
    domain, beside those known here. ``added``: the disclaimer that ``redact`` puts behind an answer that has none;
    English where a domain is not named."""

    domains: Annotated[tuple[Domain, ...], Meta(min_length=1)] = DOMAINS
    accepted: dict[Domain, tuple[Words, ...]] = {}
    added: dict[Domain, Words] = {}


_ADVICE: Final[dict[Domain, re.Pattern[str]]] = {
    "financial": re.compile(
        r"\b(?:you (?:should|could|may want to|might want to|can|ought to)|i(?:'d| would)? (?:recommend|suggest|"
        r"advise)|consider|it (?:is|would be) (?:wise|best|better) to|"
        r"du solltest|sie sollten|ich (?:empfehle|rate)|vous devriez|je (?:recommande|conseille)|debería[sn]?|"
        r"recomiendo|dovrest[ie]|consiglio)\b"
        r"[^.!?\n]{0,120}\b(?:buy(?:ing)?|sell(?:ing)?|invest(?:ing|ment)?|short(?:ing)?|stocks?|shares|bonds?|"
        r"etfs?|crypto(?:currency)?|bitcoin|portfolio|"
        r"mortgage|401\(?k\)?|pension|index funds?|options|leverage|aktien|anleihen|fonds|depot|actions|"
        r"obligations|acciones|bonos|invertir|azioni|obbligazioni|investire)\b",
        re.I,
    ),
    "medical": re.compile(
        r"\b(?:you (?:should|could|may|might|can|ought to|need to)|i(?:'d| would)? (?:recommend|suggest|advise)|"
        r"try|take|stop taking|du solltest|sie sollten|nehmen sie|nimm|"
        r"vous devriez|prenez|debería[sn]?|tome|toma|dovrest[ie]|prend[ai])\b[^.!?\n]{0,100}\b(?:\d+ ?(?:mg|ml|"
        r"mcg|µg|iu)\b|dos(?:e|age)s?|ibuprofen|paracetamol|acetaminophen|aspirin|"
        r"antibiotics?|antidepressants?|insulin|statins?|medications?|medicine|pills?|tablets?|supplements?|"
        r"diagnos\w{2,5}|dosis|tabletten|medikamente?|antibiotik[au]|"
        r"médicaments?|comprimés?|antibiotiques?|medicamentos?|pastillas?|antibióticos?|farmac[oi]|compresse|"
        r"antibiotici)"
        r"|\byou (?:probably |likely |may |might )?(?:have|are suffering from) (?:an? )?(?:infection|diabetes|"
        r"cancer|depression|flu|migraine|pneumonia|allergy|arthritis|appendicitis)\b",
        re.I,
    ),
    "legal": re.compile(
        r"\b(?:you (?:should|could|can|may|must|have to|ought to|are entitled to|have the right to|"
        r"have a (?:strong |good )?case)|i(?:'d| would)? (?:recommend|suggest|advise)|du solltest|sie sollten|"
        r"sie haben das recht|vous (?:devriez|pouvez|avez le droit)|debería[sn]?|tiene[ns]? derecho|dovrest[ie]|"
        r"ha[i]? diritto)\b[^.!?\n]{0,120}"
        r"\b(?:sue|lawsuit|court|claim(?:s|ing)?|plead|contract|breach|liab\w{2,7}|statut\w{1,6}|eviction|evict|"
        r"custody|divorce|settle(?:ment)?|appeal|testify|"
        r"landlord|copyright|klagen?|klage|gericht|vertrag|kündig\w{2,6}|anzeige|tribunal|procès|contrat|plainte|"
        r"demandar|demanda|contrato|juicio|querela|causa|contratto)\b",
        re.I,
    ),
}  # fmt: skip
_KNOWN: Final[dict[Domain, re.Pattern[str]]] = {
    "financial": re.compile(
        r"not (?:(?:intended as|constitute|be (?:taken|construed) as)\s)?(?:a )?(?:financial|investment|"
        r"professional|tax) advi[cs]e|not a (?:licensed )?financial advis[eo]r|"
        r"(?:consult|speak (?:to|with)|talk to|see)\b[^.!?\n]{0,60}\b(?:financial|investment|tax|"
        r"professional)\b[^.!?\n]{0,30}\b(?:advis[eo]r|planner|professional|expert)|past performance|"
        r"keine anlageberatung|keine finanzberatung|finanzberater|pas un conseil (?:financier|en investissement)|"
        r"conseiller financier|no (?:es|constituye) (?:un )?(?:consejo|asesoramiento)|asesor financiero|"
        r"non (?:è|costituisce) (?:una )?consulenza|consulente finanziario",
        re.I,
    ),
    "medical": re.compile(
        r"not (?:a substitute for |intended as |a replacement for )?(?:professional )?(?:medical|"
        r"health) advi[cs]e|not a (?:doctor|physician|medical professional)|"
        r"(?:consult|see|speak (?:to|with)|talk to|contact|ask|check with|call)\b[^.!?\n]{0,60}\b(?:doctors?|"
        r"physicians?|pharmacists?|gp|health ?care (?:provider|professional)s?|medical professionals?)|"
        r"(?:arzt|ärztin|apotheker\w{0,3}|médecin|pharmacien|médico|doctor|farmacéutico|medico|farmacista)\b",
        re.I,
    ),
    "legal": re.compile(
        r"not (?:(?:intended as|constitute|be (?:taken|construed) as)\s)?legal advi[cs]e|not a lawyer|"
        r"(?:consult|speak (?:to|with)|talk to|see|contact|ask|hire)\b[^.!?\n]{0,60}\b(?:lawyers?|attorneys?|"
        r"solicitors?|legal (?:professional|counsel|advis[eo]r|expert|aid)s?)|"
        r"keine rechtsberatung|rechtsanw[aä]lt\w{0,3}|pas un (?:conseil|avis) juridique|avocat|no (?:es|"
        r"constituye) (?:un )?(?:consejo|asesoramiento) legal|abogad[oa]|non (?:è|"
        r"costituisce) (?:una )?consulenza legale|avvocat[oa]",
        re.I,
    ),
}  # fmt: skip
_ADDED: Final[dict[Domain, str]] = {
    "financial": "This is general information and not financial advice.",
    "medical": "This is general information and not medical advice; ask a doctor or pharmacist.",
    "legal": "This is general information and not legal advice; ask a lawyer.",
}


class DisclaimerGuard:
    name: Final = "disclaimer"
    version: Final = "1"
    about: Final = "Financial, medical and legal advice without a disclaimer."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("output",)
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look:
        """A finding is the last character of an answer: what stands there once it is redacted is that character and the
        disclaimer behind it."""
        del tools
        missing: list[Domain] = []
        findings: list[Finding] = []
        for at, piece in enumerate(subject.pieces):
            lacking: list[Domain] = [domain for domain in ready.domains if lacks(piece.text, domain, ready)]
            missing += lacking
            if lacking:
                words = " ".join(ready.added.get(domain, _ADDED[domain]) for domain in lacking)
                end = len(piece.text)
                findings.append(
                    Finding(piece=at, start=end - 1, end=end, kind=lacking[0], instead=f"{piece.text[-1]}\n\n{words}")
                )
        if not missing:
            return Look()
        domains = ", ".join(dict.fromkeys(missing))
        return Look(
            score=1.0, label=missing[0], reason=f"Advice without its disclaimer ({domains}).", findings=tuple(findings)
        )


def lacks(text: str, domain: Domain, options: Options) -> bool:
    if not _ADVICE[domain].search(text) or _KNOWN[domain].search(text):
        return False
    plain = squeezed(text)
    return not any(squeezed(words) in plain for words in options.accepted.get(domain, ()))


PLUG = DisclaimerGuard()
