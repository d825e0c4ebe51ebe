"""What a call has of the app that it names, from its assignment to its record."""

from msgspec.structs import replace

from trimtab.gateway.apps.types import Ready
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.releases.types import Variant
from trimtab.telemetry.records import AppNote, CallRecord


class Copy:
    """A call that is to go to another release as well, once it has its answer. ``body`` is what the client asked,
    before any release was put over it; ``limits`` is the budget it is paid from."""

    __slots__ = ("body", "environment", "limits", "release", "rollout")

    def __init__(self, release: Ready, rollout: str, environment: str, limits: ProjectLimits | None, body: bytes):
        self.release = release
        self.rollout = rollout
        self.environment = environment
        self.limits = limits
        self.body = body


class AppCall:
    """``release`` is None where the call was refused before it was assigned."""

    __slots__ = (
        "app",
        "copy",
        "copy_of",
        "environment",
        "left_out",
        "not_taken",
        "overridden",
        "release",
        "rollout",
        "variant",
        "why",
    )

    def __init__(self, app: str, environment: str) -> None:
        self.app = app
        self.environment = environment
        self.release: Ready | None = None
        self.variant: Variant = ""
        self.rollout = ""
        self.why = ""
        self.overridden: tuple[str, ...] = ()
        self.left_out: tuple[str, ...] = ()
        self.not_taken: tuple[str, ...] = ()
        self.copy: Copy | None = None
        self.copy_of = ""

    def note_refused(self, names: tuple[str, ...], model: str) -> None:
        """A model is not sent these of the release's parameters; what the client's dialect could not say is told."""
        told = (f"{name}: {model}" for name in names if name not in self.left_out)
        self.not_taken += tuple(each for each in told if each not in self.not_taken)

    def assign(self, release: Ready, variant: Variant, rollout: str, why: str) -> None:
        self.release = release
        self.variant = variant
        self.rollout = rollout
        self.why = why

    @property
    def number(self) -> str:
        """``r12``; empty before it is assigned."""
        return "" if self.release is None else self.release.short

    def headers(self) -> bytes:
        """What its client is told of it."""
        lines = b"trimtab-release: %b %b\r\n" % (self.app.encode(), self.number.encode())
        return lines + b"trimtab-variant: %b\r\n" % self.variant.encode() if self.variant else lines

    def told(self, record: CallRecord) -> CallRecord:
        """A call's record with what there is to tell of its app."""
        prompt = None if self.release is None else self.release.prompt
        return replace(
            record,
            app=self.app,
            environment=self.environment,
            release=self.number,
            variant=self.variant,
            app_note=AppNote(
                rollout=self.rollout,
                prompt="" if prompt is None else prompt.name,
                assigned=self.why,
                overridden=self.overridden,
                left_out=self.left_out,
                not_taken=self.not_taken,
                copy_of=self.copy_of,
            ),
        )
