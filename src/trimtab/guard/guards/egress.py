"""Web addresses that must not be called, shown or followed: domains not allowed, images and links that carry data out,
addresses of private networks, and addresses that pretend to lead elsewhere."""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.core.errors import InvalidRequest
from trimtab.guard.detect import urls
from trimtab.guard.types import Action, Finding, Look, Needs, Stage, Subject, Tools
from trimtab.scoring.secrets import entropy

Domain = Annotated[str, Meta(min_length=1, max_length=255)]
_PACKED: Final = re.compile(r"[A-Za-z0-9+/_=-]{24,}|[0-9a-fA-F]{32,}")
_SPOKEN: Final = re.compile(r"(?:[A-Za-z]{2,}[+ _]){5,}")
_DATA_IMAGE: Final = re.compile(r"image/(?:png|jpe?g|gif|webp|avif);base64,", re.I)
LEAST_BITS: Final = 3.5
"""Entropy a character of what looks like packed data: words joined by dashes have less, Base64 has more."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``allow``: domains that may stand there, with all below them (``*.x.org``: only those below); every other one is
    then not allowed. ``deny``: domains that may not. ``images``: whether images of domains that are not in ``allow``
    may be shown (a client loads them without asking, with whatever their address carries). ``private``: whether
    addresses of private networks may stand there."""

    allow: Annotated[tuple[Domain, ...], Meta(max_length=10_000)] = ()
    deny: Annotated[tuple[Domain, ...], Meta(max_length=10_000)] = ()
    images: bool = False
    private: bool = False


class EgressGuard:
    name: Final = "egress"
    version: Final = "1"
    about: Final = "Web addresses: domains allowed and denied, images and links that carry data out, private networks."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = 2_048
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        for domain in (*options.allow, *options.deny):
            if not re.fullmatch(r"(?:\*\.)?[^\s/:@*]+", domain):
                raise InvalidRequest(
                    f"{domain!r} is no domain.", fix="Write it as example.org or *.example.org.", param="options"
                )
        return Options(
            allow=tuple(domain.lower() for domain in options.allow),
            deny=tuple(domain.lower() for domain in options.deny),
            images=options.images,
            private=options.private,
        )

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look:
        del tools
        findings: list[Finding] = []
        for at, piece in enumerate(subject.pieces):
            for url in urls.find(piece.text):
                kind, score = judged(url, ready)
                if kind:
                    findings.append(
                        Finding(
                            piece=at, start=url.start, end=url.end, kind=kind, score=score, instead="[link removed]"
                        )
                    )
        if not findings:
            return Look()
        worst = max(findings, key=lambda each: each.score)
        reason = (
            f"{REASONS[worst.kind]} ({len(findings)} such addresses)."
            if len(findings) > 1
            else f"{REASONS[worst.kind]}."
        )
        return Look(score=worst.score, label=worst.kind, reason=reason, findings=tuple(findings))


REASONS: Final = {
    "scheme": "An address runs code or reads files",
    "denied_domain": "An address leads to a domain that is denied",
    "private_address": "An address leads into a private network",
    "unlisted_domain": "An address leads to a domain that is not allowed",
    "disguised": "An address pretends to lead elsewhere",
    "image_exfiltration": "An image's address carries data to where it lies",
    "image": "An image is loaded from a domain that is not allowed",
    "link_exfiltration": "A link carries packed data",
}


def judged(url: urls.Url, options: Options) -> tuple[str, float]:
    """What is wrong with an address, and how surely; empty where nothing is."""
    if url.scheme in ("javascript", "vbscript", "file"):
        return "scheme", 1.0
    if url.scheme == "data":
        return ("", 0.0) if _DATA_IMAGE.match(url.carried) else ("scheme", 0.6)
    if urls.within(url.host, options.deny):
        return "denied_domain", 1.0
    if urls.within(url.host, options.allow):
        return "", 0.0
    if not options.private and urls.private(url.host):
        return "private_address", 0.9
    if url.user or _looks_like(url.host, options.allow):
        return "disguised", 0.9
    if options.allow:
        return "unlisted_domain", 1.0
    if url.how == "image" and not options.images:
        return ("image_exfiltration", 0.95) if _carries(url.carried, 12) else ("image", 0.6)
    return ("link_exfiltration", 0.6) if url.how != "bare" and _carries(url.carried, 40) else ("", 0.0)


def _carries(carried: str, least: int) -> bool:
    """A query of some length, packed data anywhere, or words strung together."""
    query = carried.partition("?")[2]
    packed = any(entropy(run) >= LEAST_BITS and any(map(str.isdigit, run)) for run in _PACKED.findall(carried))
    if least <= 12:
        return packed or len(query) >= least or bool(_SPOKEN.search(carried))
    return packed and len(query) >= least


def _looks_like(host: str, allowed: tuple[str, ...]) -> bool:
    """Letters of several scripts in one name, or an allowed domain as the beginning of another."""
    if any(host.startswith(f"{domain.removeprefix('*.')}.") for domain in allowed):
        return True
    scripts = {"latin" if letter.isascii() else "other" for letter in host if letter.isalpha()}
    return (
        any(
            len({letter.isascii() for letter in label if letter.isalpha()}) == 2
            and any("\u0370" <= letter <= "\u04ff" for letter in label)
            for label in host.split(".")
        )
        if len(scripts) == 2
        else False
    )


PLUG = EgressGuard()
