"""Credentials: keys of well-known vendors by their shapes, and random values named as passwords or keys."""

from msgspec import Struct

from trimtab.guard.types import Action, Finding, Look, Needs, Stage, Subject, Tools
from trimtab.scoring import secrets


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``except_kinds``: kinds of credentials that may pass (``stripe``, ``github``, ...)."""

    except_kinds: tuple[str, ...] = ()


class SecretsGuard:
    name = "secrets"
    version = "1"
    about = "Credentials: keys of well-known vendors by their shapes, and random values named as passwords or keys."
    needs: Needs = "cpu"
    stages: tuple[Stage, ...] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: tuple[Action, ...] = ("flag", "redact", "block", "escalate")
    threshold = 0.5
    window = 512
    seam = ""
    options = Options

    def made(self, options: Options) -> frozenset[str]:
        return frozenset(options.except_kinds)

    def look(self, subject: Subject, ready: frozenset[str], tools: Tools) -> Look:
        del tools
        found = [
            Finding(piece=at, start=each.start, end=each.end, kind=each.kind)
            for at, piece in enumerate(subject.pieces)
            for each in secrets.find(piece.text)
            if each.kind not in ready
        ]
        if not found:
            return Look()
        kinds = ", ".join(sorted({each.kind for each in found}))
        return Look(score=1.0, reason=f"There are credentials in it ({kinds}).", findings=tuple(found))


PLUG = SecretsGuard()
