"""Credentials in a text: by the shapes that vendors give their keys, and by how random a value named as one is.

The shapes are those of the vendors' own documentation and of their entries in GitHub's list of scanned secrets. A value
after a name such as ``password`` or ``api_key`` counts where it is as random as made ones are and no placeholder.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from trimtab.scoring.looking import LONGEST, folded, matches_at, matches_in, places, stretches
from trimtab.scoring.pii import Found

_SHAPES: Final[tuple[tuple[str, tuple[bytes, ...], re.Pattern[str]], ...]] = tuple(
    (name, tuple(hint.encode() for hint in hints.split()), re.compile(rf"(?<![A-Za-z0-9_]){pattern}"))
    for name, hints, pattern in (  # without one of the hints in a text there is none, and most begin with it
        ("anthropic", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{20,200}"),
        ("openrouter", "sk-or-", r"sk-or-v1-[0-9a-f]{64}"),
        ("openai", "sk-", r"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,200}"),
        ("google", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
        ("google_oauth", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}"),
        ("aws", "AKIA ASIA", r"(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])"),
        ("github", "gh github_pat_", r"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})"),
        ("gitlab", "gl", r"gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,100}"),
        ("slack", "xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,200}"),
        (
            "slack_webhook",
            "https://hooks.slack.com/services/T",
            r"https://hooks\.slack\.com/services/T[A-Za-z0-9_]{8,12}/B[A-Za-z0-9_]{8,12}/[A-Za-z0-9_]{24}",
        ),
        ("stripe", "sk_ rk_", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,200}"),
        ("stripe_webhook", "whsec_", r"whsec_[A-Za-z0-9+/=]{24,200}"),
        ("twilio", "SK", r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
        ("sendgrid", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
        ("huggingface", "hf_", r"hf_[A-Za-z0-9]{34,40}"),
        ("replicate", "r8_", r"r8_[A-Za-z0-9]{37,40}"),
        ("groq", "gsk_", r"gsk_[A-Za-z0-9]{48,60}"),
        ("xai", "xai-", r"xai-[A-Za-z0-9]{70,90}"),
        ("perplexity", "pplx-", r"pplx-[A-Za-z0-9]{40,60}"),
        ("npm", "npm_", r"npm_[A-Za-z0-9]{36}"),
        ("pypi", "pypi-", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,400}"),
        ("digitalocean", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
        ("shopify", "shp", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
        ("telegram", ":AA", r"\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
        ("trimtab", "tt_", r"tt_[A-Za-z0-9_-]{32,100}"),
        ("jwt", "eyJ", r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{16,1000}"),
        ("private_key", "-----BEGIN", r"-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        ("url_password", "://", r"[a-z][a-z0-9+.-]{1,20}://[^\s:@/]{1,100}:[^\s:@/]{3,200}@[\w.-]{1,253}"),
    )
)
_NAMED: Final = re.compile(
    r"(?i:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|client[_-]?secret|"
    r"private[_-]?key|credential)s?[\"'`]?\s{0,3}(?:[:=]|=>|:=|\bis\b)\s{0,3}(?:Bearer\s)?[\"'`]?"
    r"(?P<value>[A-Za-z0-9_+/=.~!@#$%^&*-]{8,200})"
)
_PLACEHOLDER: Final = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3}|example|placeholder|your[_-]|changeme|redacted|dummy|<|>|\$\{|123456|abcdef|password"
)
_NAMES: Final = (
    b"passw", b"passp", b"pwd", b"secret", b"token", b"api", b"access", b"auth", b"client", b"private", b"credential",
)  # fmt: skip
"""What `_NAMED` begins with."""
_WITHIN: Final = {"digitalocean": (3, 80), "telegram": (10, 50), "url_password": (22, 560)}
"""Those whose hint stands in their middle: characters of one before it, and from it on, and one beside each end."""
LEAST_BITS: Final = 3.0
"""Entropy a character of a named value, in bits: words of English have some 2.5 to 3 in ten letters, random values of
16 characters from 62 have 3.6 and more."""


def entropy(text: str) -> float:
    """Bits a character, by how often each stands in the text itself (Shannon)."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values()) if text else 0.0


def find(text: str) -> list[Found]:
    """All credentials in a text, by place, without overlaps. Time grows with the text."""
    found: list[Found] = []
    plain = text[:LONGEST].encode("ascii", "replace")
    for name, hints, pattern in _SHAPES:
        if at := places(plain, hints):
            found += [
                Found(match.start(), match.end(), name, match[0])
                for match in _matches(name, pattern, text, at)
                if not _PLACEHOLDER.search(match[0]) or name == "private_key"
            ]
    names = places(folded(text[:LONGEST]).encode("ascii", "replace"), _NAMES)
    for match in matches_at(_NAMED, text, names):
        value = match["value"]
        if random_looking(value) and not _PLACEHOLDER.search(value):
            found.append(Found(match.start("value"), match.end("value"), "named", value))
    found.sort(key=lambda each: (each.start, -each.end))
    kept: list[Found] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def _matches(name: str, pattern: re.Pattern[str], text: str, at: Sequence[int]) -> Iterator[re.Match[str]]:
    """As `finditer`; ``at``: where its hints stand."""
    if name not in _WITHIN:
        return matches_at(pattern, text, at)
    around = stretches(((place, place) for place in at), *_WITHIN[name], min(len(text), LONGEST))
    return matches_in(pattern, text, around)


def random_looking(value: str) -> bool:
    """Of several kinds of characters, and as random as made values are."""
    kinds = sum(any(test(mark) for mark in value) for test in (str.isdecimal, str.islower, str.isupper))
    kinds += any(not mark.isalnum() for mark in value)
    return kinds >= 2 and any(map(str.isdecimal, value)) and entropy(value) >= LEAST_BITS
