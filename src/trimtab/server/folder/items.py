"""One thing that a folder declares or the catalog holds, in the one form in which they are compared: ``plain`` is JSON
as the file writes it, without what is as by default. Pure."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, cast, get_args

import msgspec
from msgspec import NODEFAULT, UNSET, Struct, structs

from trimtab.evaluation.types import SuiteSpec
from trimtab.gateway.call_policy import CallPolicy
from trimtab.gateway.routing.types import Route
from trimtab.gateway.targets import Model
from trimtab.ledger.limits import Rule, amount_text
from trimtab.ledger.overrides import DatedPrice
from trimtab.ledger.service_tiers import label
from trimtab.prompts.canonical import fields
from trimtab.prompts.types import Content
from trimtab.releases.types import AppSpec, Environment

Kind = Literal[
    "model", "route", "policy", "limit", "price", "classes", "terms", "access", "refusal", "guard", "prompt", "label",
    "dataset", "suite", "environment", "app", "mark",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""In the order in which they are written: each may name those before it."""
Key = tuple[Kind, str]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_USUAL: Final[dict[str, Any]] = {"default": False, "protection": {}, "position": 0}


class Item(Struct, frozen=True, kw_only=True):
    """``path`` and ``line`` say where it stands, where it stands in a file. ``value`` is what it is to the program:
    `Model`, `Route`, `CallPolicy`, `Rule`, `DatedPrice`, prompts' `Content`, a label's version (None: the one that the
    folder's file is), `SuiteSpec`, `EnvironmentSpec`, `AppSpec`; the others are in `governed.py`."""

    kind: Kind
    name: str
    plain: Any
    value: Any
    path: str = ""
    line: int = 0

    @property
    def key(self) -> Key:
        return self.kind, self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class EnvironmentSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An environment as a file says it; what is left out stays as it is (`Environment`)."""

    position: int | None = None
    default: bool | None = None
    protection: Any = UNSET


def fingerprint(plain: Any) -> str:
    """16 hex digits that are the same for the same plain form."""
    told = msgspec.json.encode(plain, order="deterministic")
    return hashlib.sha256(told).hexdigest()[:16]


def mark(item: Item) -> str:
    """What is remembered of an item as a folder left it: its fingerprint, and of an environment, of which a file may
    speak in part, what it spoke of."""
    spoken = "+".join(sorted(item.plain)) + ":" if item.kind == "environment" else ""
    return spoken + fingerprint(item.plain)


def left(marked: str, now: Item) -> bool:
    """Whether it is as it was left."""
    spoken, colon, _ = marked.rpartition(":")
    if colon:
        plain = {name: now.plain.get(name, _USUAL[name]) for name in spoken.split("+") if name}
        now = structs.replace(now, plain=plain)
    return mark(now) == marked


def label_name(prompt: str, label: str) -> str:
    return f"{prompt}:{label}"


def price_name(price: DatedPrice) -> str:
    """A price has no name of its own in the catalog: it is the one of these models from that moment."""
    begins = "" if price.valid_from is None else f" from {day_text(price.valid_from)}"
    return f"{price.provider}/{price.model}{label(price.tier, known=True)}{begins}"


def day_text(ms: int) -> str:
    """A moment as a file writes it; `ledger.moments.moment` reads it."""
    at = _EPOCH + timedelta(milliseconds=ms)
    if at.time() == datetime.min.time():
        return at.strftime("%Y-%m-%d").rjust(10, "0")
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


# --- plain forms ---


def plain_of(value: Any) -> Any:
    """A value as JSON, without what is as by default: by equality, so that it makes no difference whether somebody
    wrote the default down."""
    if isinstance(value, Struct):
        made: dict[str, Any] = {}
        config = value.__struct_config__
        if config.tag_field is not None:
            made[config.tag_field] = config.tag
        for field in structs.fields(type(value)):
            each = getattr(value, field.name)
            if each is not UNSET and each != _default(field):
                made[field.encode_name] = plain_of(each)
        return made
    if isinstance(value, list | tuple):
        return [plain_of(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: plain_of(each) for key, each in cast("dict[str, Any]", value).items()}
    return value


def _default(field: structs.FieldInfo) -> Any:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def model_plain(model: Model) -> dict[str, Any]:
    found: dict[str, Any] = {"provider": model.provider}
    if model.upstream != model.name:
        found["model"] = model.upstream
    if model.fallback:
        found["fallback"] = list(model.fallback)
    if model.price is not None:
        found["price"] = plain_of(model.price)
    if model.resilience is not None:
        found["resilience"] = plain_of(model.resilience)
    return found


def route_plain(route: Route) -> dict[str, Any]:
    return _without(plain_of(route), "name")


def _without(plain: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: each for key, each in plain.items() if key != name}


def policy_plain(policy: CallPolicy) -> dict[str, Any]:
    found = cast("dict[str, Any]", plain_of(policy))
    return {name: cache_plain(each) if name == "cache" else each for name, each in found.items()}


def cache_plain(cache: Mapping[str, Any]) -> dict[str, Any]:
    """Files say ``ttl`` for what the API calls ``ttl_s``."""
    return {"ttl" if name == "ttl_s" else name: value for name, value in cache.items()}


def limit_plain(rule: Rule) -> dict[str, Any]:
    found = _without(plain_of(rule), "name")
    found["bound"] = amount_text(rule.measure, rule.bound)
    if "unknown_amount" in found:
        found["unknown_amount"] = amount_text("money", rule.unknown_amount)
    return found


def price_plain(price: DatedPrice) -> dict[str, Any]:
    found: dict[str, Any] = {} if price.provider == "*" else {"provider": price.provider}
    found["model"] = price.model
    if price.tier:
        found["tier"] = price.tier
    if price.valid_from is not None:
        found["from"] = day_text(price.valid_from)
    if price.valid_to is not None:
        found["to"] = day_text(price.valid_to)
    found |= plain_of(price.rates)
    return found | ({"note": price.note} if price.note else {})


def prompt_plain(content: Content, folder: str) -> dict[str, Any]:
    return {"folder": folder, "content": fields(content)}


def label_plain(version: int) -> dict[str, Any]:
    return {"version": version}


def environment_plain(environment: Environment) -> dict[str, Any]:
    found: dict[str, Any] = {"position": environment.position}
    if environment.default:
        found["default"] = True
    protection = plain_of(environment.protection)
    return found | ({"protection": protection} if protection else {})


def app_plain(spec: AppSpec) -> dict[str, Any]:
    found = cast("dict[str, Any]", plain_of(spec))
    if isinstance(found.get("cache"), dict):
        found["cache"] = cache_plain(found["cache"])
    return found


def suite_plain(spec: SuiteSpec) -> dict[str, Any]:
    return cast("dict[str, Any]", plain_of(spec))
