"""Web addresses in a text: where they stand, where they lead, and how they are written.

Markdown links and images, reference definitions, HTML attributes and CSS, bare addresses with a scheme, and ``www.``.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final, Literal
from urllib.parse import unquote

from msgspec import Struct

from trimtab.scoring.looking import folded, matches_at, places

How = Literal["image", "link", "attribute", "bare"]
MOST: Final = 2_000
_ADDRESS: Final = r"(?:(?:https?|ftp|wss?)://|//(?=[\w-]+\.)|www\.)[^\s<>\"'`\\\]}|^]{1,4000}"
_ANY: Final = re.compile(
    rf"(?P<bare>{_ADDRESS})|(?P<scheme>\b(?:javascript|vbscript|data|file):[^\s<>\"'`]{{1,4000}})", re.I
)
_BEGINNINGS: Final = (b"www.", b"javascript:", b"vbscript:", b"data:", b"file:")
_SCHEMES: Final = (b"https:", b"http:", b"ftp:", b"wss:", b"ws:")
"""What `_ANY` begins with; each of these may have ``//`` behind it."""
_IMAGE: Final = re.compile(r"!\[[^\]\n]{0,1000}\]\(\s{0,5}<?$|!\[[^\]\n]{0,1000}\]:\s{0,5}$")
_LINK: Final = re.compile(r"\]\(\s{0,5}<?$|\]:\s{0,5}$")
_SOURCE: Final = re.compile(
    r"(?:\b(?:src|srcset|background|poster|action|data|formaction)\s{0,3}=\s{0,3}[\"']?|url\(\s{0,3}[\"']?)$", re.I
)
_HREF: Final = re.compile(r"\b(?:href|ping|cite)\s{0,3}=\s{0,3}[\"']?$", re.I)
_REFERENCE: Final = re.compile(r"!\[[^\]\n]{0,1000}\]\[([^\]\n]{0,200})\]")
_DEFINITION: Final = re.compile(r"^ {0,3}\[([^\]\n]{1,200})\]:\s{0,5}<?$", re.M)
_ENDS: Final = ".,;:!?)*_"
PRIVATE_NAMES: Final = frozenset(("localhost", "metadata", "metadata.google.internal", "kubernetes.default.svc"))


class Url(Struct, frozen=True, kw_only=True):
    """``host`` in lower case, without user and port, empty where the scheme has none. ``carried``: what stands behind
    the host (path, query, fragment), decoded once."""

    start: int
    end: int
    how: How
    scheme: str
    host: str
    user: str
    carried: str


def find(text: str) -> list[Url]:
    """By place; at most `MOST`."""
    found: list[Url] = []
    images = {name.casefold() for name in _REFERENCE.findall(text)} if "![" in text else set[str]()
    for match in matches_at(_ANY, text, _begun(text), len(text)):
        found.append(_read(_trimmed(match[0]), match.start(), _how(text, match.start(), images)))
        if len(found) >= MOST:
            break
    return found


def _begun(text: str) -> list[int]:
    """Where an address may begin, in order."""
    plain = folded(text).encode("ascii", "replace")
    found = set(places(plain, _BEGINNINGS))
    for slashes in places(plain, (b"//",)):
        found.add(slashes)
        for scheme in _SCHEMES:
            if plain.endswith(scheme, 0, slashes):
                found.add(slashes - len(scheme))
    return sorted(found)


def _trimmed(written: str) -> str:
    """Without the marks of the sentence around it; a bracket stays where the address opened one."""
    while (
        written and written[-1] in _ENDS and not (written[-1] == ")" and 0 < written.count(")") <= written.count("("))
    ):
        written = written[:-1]
    return written


def _how(text: str, start: int, images: set[str]) -> How:
    """By what stands before an address: the ends of it first, of which each has a few characters."""
    near = max(0, start - 40)
    link = _LINK.search(text, near, start)
    before = text[max(0, start - 1_100) : start] if link else ""
    if (link and _IMAGE.search(before)) or _SOURCE.search(text, near, start):
        return "image"
    named = _DEFINITION.search(before.rpartition("\n")[2]) if link and images else None
    if named and named[1].casefold() in images:
        return "image"
    if link:
        return "link"
    return "attribute" if _HREF.search(text, near, start) else "bare"


def _read(written: str, start: int, how: How) -> Url:
    scheme, _, rest = written.partition(":") if re.match(r"[A-Za-z]+:", written) else ("", "", written)
    scheme = scheme.lower()
    if scheme in ("javascript", "vbscript", "data", "file"):
        return Url(start=start, end=start + len(written), how=how, scheme=scheme, host="", user="", carried=rest)
    rest = rest.removeprefix("//")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    carried = rest[len(authority) :]
    user, _, place = authority.rpartition("@")
    host = place if place.startswith("[") else place.partition(":")[0]
    return Url(
        start=start, end=start + len(written), how=how, scheme=scheme, host=unquote(host).lower().strip("[]."),
        user=user, carried=unquote(carried),
    )  # fmt: skip


def within(host: str, domains: Iterable[str]) -> bool:
    """Whether a host is one of the domains or below one. ``*.example.com`` means only what is below."""
    for domain in domains:
        if domain.startswith("*."):
            if host.endswith(domain[1:]):
                return True
        elif host == domain or host.endswith(f".{domain}"):
            return True
    return False


def private(host: str) -> bool:
    """Whether it leads into this machine or a network of its own, in any notation that clients understand."""
    if host in PRIVATE_NAMES or host.endswith((".localhost", ".internal", ".local", ".svc.cluster.local")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return _odd_address(host)


def _odd_address(host: str) -> bool:
    """IPv4 as one number, in hex, in octal or with fewer parts (as `inet_aton` reads it)."""
    if not re.fullmatch(r"(?:0x[0-9a-f]{1,8}|\d{1,10})(?:\.(?:0x[0-9a-f]{1,8}|\d{1,10})){0,3}", host):
        return False
    values = [_number(part) for part in host.split(".")]
    number = values[-1] + sum(value << (24 - 8 * place) for place, value in enumerate(values[:-1]))
    return number < 2**32 and not ipaddress.ip_address(number).is_global


def _number(part: str) -> int:
    """As C reads it: 0x is hex, a leading 0 octal."""
    if part.startswith("0x"):
        return int(part, 16)
    octal = len(part) > 1 and part[0] == "0" and not set(part) & set("89")
    return int(part, 8 if octal else 10)
