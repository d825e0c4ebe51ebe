"""The SQL of providers and models, and the rules that keep them sound: names, references, no circles.

A provider's key and headers rest sealed (`governance/secrets.py`) and are opened only where a snapshot is built. What
the config file declares is handed in as `Declared`: it wins over the catalog by name, and is changed in the file only.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.known import did_you_mean
from trimtab.gateway.targets import Timeouts
from trimtab.governance.projects import REVISION
from trimtab.governance.secrets import SecretBox
from trimtab.ledger.types import PriceOverride
from trimtab.llm.reach import is_nowhere
from trimtab.releases.apps import refuse_taken
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

PROVIDERS = Table(
    "providers",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("dialect", String(64), nullable=False),
    Column("base_url", String(2000), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("timeouts", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
MODELS = Table(
    "models",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("provider", String(64), nullable=False),
    Column("upstream", String(200), nullable=False),
    Column("fallback", Text, nullable=False),
    Column("price", Text, nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,4000}")
# What the transport writes itself; a second one would change where a request ends or whom it is for.
_OWN_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "content-encoding", "expect", "te")
)


MOST_KEYS = 64
"""Of one provider."""


class Sealed(Struct, frozen=True, kw_only=True):
    """What of a provider is never stored in the clear."""

    api_key: str | None = None
    api_keys: tuple[str, ...] = ()
    """All of them where there are several; the first is `api_key` too."""
    headers: dict[str, str] = {}
    options: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Sealed()"


class ProviderRow(Struct, frozen=True, kw_only=True):
    """``sealed`` is a `Sealed` under the instance's secret key."""

    project_id: str
    name: str
    kind: str
    dialect: str
    base_url: str
    sealed: str
    timeouts: Timeouts = Timeouts()
    created: int = 0
    updated: int = 0


class ModelRow(Struct, frozen=True, kw_only=True):
    project_id: str
    name: str
    provider: str
    upstream: str
    fallback: tuple[str, ...] = ()
    price: PriceOverride | None = None
    created: int = 0
    updated: int = 0


class Declared(Struct, frozen=True, kw_only=True):
    """What the config file declares for one project: its providers' names, and each model's provider and fallbacks."""

    providers: frozenset[str] = frozenset()
    models: Mapping[str, tuple[str, tuple[str, ...]]] = {}


# --- secrets ---


def with_keys(secret: Sealed, api_key: str | None, api_keys: Sequence[str]) -> Sealed:
    """A secret with one key, several, or none. Raises `InvalidRequest` for a single key beside a list without it."""
    if api_keys and api_key is not None and api_key not in api_keys:
        raise InvalidRequest(
            "Both 'api_key' and 'api_keys' are given.", fix="Put every key into 'api_keys'.", param="api_keys"
        )
    several = tuple(api_keys) if len(api_keys) > 1 else ()
    return structs.replace(secret, api_key=api_keys[0] if api_keys else api_key, api_keys=several)


def seal(box: SecretBox, project_id: str, name: str, secret: Sealed) -> str:
    return box.seal(msgspec.json.encode(secret).decode(), f"provider/{project_id}/{name}")


def unseal(box: SecretBox, row: ProviderRow) -> Sealed:
    """Raises `Unavailable` where the secret key is another one."""
    return msgspec.json.decode(box.open(row.sealed, f"provider/{row.project_id}/{row.name}"), type=Sealed)


# --- rules; used by the config file too ---


def check_provider_name(name: str) -> None:
    if not _PROVIDER_NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be a provider's name.",
            fix="Use up to 63 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit.",
            param="name",
        )


def check_model_name(name: str) -> None:
    if len(name) > 200 or not _MODEL_NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be a model's name.",
            fix="Use up to 200 lower-case letters, digits, '.', '_', '-' and '/' between parts, e.g. 'team/fast'.",
            param="name",
        )


def check_upstream(upstream: str) -> None:
    if not upstream or len(upstream) > 200 or not upstream.isprintable() or upstream != upstream.strip():
        raise InvalidRequest(
            "The provider's model id must be 1 to 200 printable characters.",
            fix="Give the id its vendor uses.",
            param="upstream",
        )


def check_base_url(url: str) -> str:
    """The URL without a slash at its end. Raises `InvalidRequest` unless it is plain http(s) with a host."""
    wrong = ""
    try:
        parts = urlsplit(url)
        port = parts.port
        if parts.scheme not in ("http", "https") or not parts.hostname:
            wrong = "It must start with http:// or https:// and name a host."
        elif parts.username or parts.password:
            wrong = "Put the key into 'api_key', not into the URL."
        elif (
            parts.query or parts.fragment or not url.isascii() or not url.isprintable() or " " in url or len(url) > 2000
        ):
            wrong = "Leave out query, fragment, blanks and other than ASCII characters."
        elif port == 0:
            wrong = "The port cannot be 0."
        elif is_nowhere(parts.hostname):
            wrong = "No provider is at a link-local address or a cloud's metadata service."
    except ValueError:
        wrong = "Its host or port cannot be read."
    if wrong:
        raise InvalidRequest(
            f"The base URL is not usable. {wrong}", fix="Give e.g. 'http://127.0.0.1:9100/v1'.", param="base_url"
        )
    return url.rstrip("/")


def check_secret(secret: Sealed) -> None:
    """Keys and headers can travel in HTTP. Never repeats a value."""
    for key in (secret.api_key, *secret.api_keys):
        if key is not None and (not key or not _HEADER_VALUE.fullmatch(key)):
            raise InvalidRequest(
                "The API key is empty or holds characters that cannot travel in a header.",
                fix="Copy it again, without line breaks; leave it out where the provider needs none.",
                param="api_key",
            )
    if len(secret.api_keys) > MOST_KEYS or len(set(secret.api_keys)) != len(secret.api_keys):
        raise InvalidRequest(
            f"'api_keys' holds a key twice, or more than {MOST_KEYS}.",
            fix="Give each key once; they are used in turn.",
            param="api_keys",
        )
    if len(secret.headers) > 32:
        raise InvalidRequest("More than 32 headers.", fix="Send fewer.", param="headers")
    for name, value in secret.headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise InvalidRequest(
                f"{name[:100]!r} cannot be set as a header.", fix="Remove it, or correct its name.", param="headers"
            )
        if not _HEADER_VALUE.fullmatch(value):
            raise InvalidRequest(
                f"The value of the header {name!r} holds characters that cannot travel in a header.",
                fix="Use printable ASCII.",
                param="headers",
            )


def check_timeouts(timeouts: Timeouts) -> None:
    for name in Timeouts.__struct_fields__:
        value = getattr(timeouts, name)
        if not 0.001 <= value <= 86_400:
            raise InvalidRequest(
                f"The timeout {name!r} must be between 0.001 and 86400 seconds.",
                fix="Give seconds, e.g. 60.",
                param="timeouts",
            )


def check_price(price: PriceOverride) -> None:
    for name in PriceOverride.__struct_fields__:
        value = getattr(price, name)
        if value is not None and not 0 <= value <= 1_000_000:
            raise InvalidRequest(
                f"The price {name!r} must be between 0 and 1000000 US dollars per million tokens.",
                fix="Give e.g. 0.15.",
                param="price",
            )


def check_fallbacks(name: str, models: Mapping[str, tuple[str, ...]]) -> None:
    """Every fallback of ``name`` is a known model and no path of fallbacks leads back to it. ``models`` are all of the
    project's with their fallbacks, ``name`` included."""
    own = models[name]
    for index, other in enumerate(own):
        if other in own[:index]:
            raise InvalidRequest(f"{other!r} stands twice among the fallbacks.", fix="Remove one.", param="fallback")
        if other not in models:
            known = did_you_mean(other, models.keys() - {name}, "model")
            raise InvalidRequest(
                f"The fallback {other[:80]!r} is not a model of this project.", fix=known, param="fallback"
            )
    found = circle(name, models)
    if found:
        raise InvalidRequest(
            f"The fallbacks go round in a circle: {' -> '.join(found)}.", fix="Remove one of them.", param="fallback"
        )


def circle(start: str, models: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The names along a path of fallbacks that leads from ``start`` back to it; empty where there is none."""
    trail: dict[str, str] = {}
    waiting = [start]
    while waiting:
        at = waiting.pop()
        for other in models.get(at, ()):
            if other == start:
                path = [start, at]
                while path[-1] != start:
                    path.append(trail[path[-1]])
                return [*reversed(path[1:]), start] if at != start else [start, start]
            if other not in trail:
                trail[other] = at
                waiting.append(other)
    return []


# --- providers ---


def _provider(row: Row[tuple[object, ...]]) -> ProviderRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in ProviderRow.__struct_fields__}
    values["timeouts"] = msgspec.json.decode(row.timeouts, type=Timeouts)
    return ProviderRow(**values)


def providers(conn: Connection, project_id: str | None = None) -> list[ProviderRow]:
    """One project's, or all, in order of name."""
    found = select(PROVIDERS).order_by(PROVIDERS.c.name)
    if project_id is not None:
        found = found.where(PROVIDERS.c.project_id == project_id)
    return [_provider(row) for row in conn.execute(found)]


def provider(conn: Connection, project_id: str, name: str) -> ProviderRow:
    found = select(PROVIDERS).where(PROVIDERS.c.project_id == project_id, PROVIDERS.c.name == name)
    row = conn.execute(found).one_or_none()
    if row is None:
        known = [p.name for p in providers(conn, project_id)]
        raise NotFound(f"There is no provider {name[:80]!r} in the catalog.", fix=did_you_mean(name, known, "provider"))
    return _provider(row)


def add_provider(conn: Connection, row: ProviderRow, declared: Declared) -> None:
    """`Conflict` where the name is taken, in the catalog or by the config file."""
    check_provider_name(row.name)
    bump(conn, REVISION)
    _not_declared("provider", row.name, declared.providers)
    if any(p.name == row.name for p in providers(conn, row.project_id)):
        raise Conflict(
            f"There is already a provider {row.name!r}.",
            fix="Change it (console, `trimtab providers change`, PATCH), or choose another name.",
            param="name",
        )
    conn.execute(insert(PROVIDERS).values(**_provider_values(row), created=row.created))


def change_provider(
    conn: Connection, project_id: str, name: str, declared: Declared, change: Callable[[ProviderRow], ProviderRow]
) -> ProviderRow:
    """Replace the provider by what ``change`` makes of it, read and written in one transaction."""
    bump(conn, REVISION)
    _not_declared("provider", name, declared.providers)
    row = change(provider(conn, project_id, name))
    at = (PROVIDERS.c.project_id == project_id, PROVIDERS.c.name == name)
    conn.execute(update(PROVIDERS).where(*at).values(**_provider_values(row)))
    return row


def _provider_values(row: ProviderRow) -> dict[str, object]:
    values: dict[str, object] = {
        name: getattr(row, name) for name in ProviderRow.__struct_fields__ if name != "created"
    }
    values["timeouts"] = msgspec.json.encode(row.timeouts).decode()
    return values


def remove_provider(conn: Connection, project_id: str, name: str, declared: Declared) -> None:
    """`Conflict` while a model uses it."""
    bump(conn, REVISION)
    _not_declared("provider", name, declared.providers)
    provider(conn, project_id, name)
    users = {m.name for m in models(conn, project_id) if m.provider == name}
    users |= {model for model, (of, _) in declared.models.items() if of == name}
    if users:
        raise Conflict(
            f"The provider {name!r} is in use by {_listed(users)}.",
            fix="Remove these models, or give them another provider.",
        )
    conn.execute(delete(PROVIDERS).where(PROVIDERS.c.project_id == project_id, PROVIDERS.c.name == name))


# --- models ---


def _model(row: Row[tuple[object, ...]]) -> ModelRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in ModelRow.__struct_fields__}
    values["fallback"] = msgspec.json.decode(row.fallback, type=tuple[str, ...])
    values["price"] = msgspec.json.decode(row.price or "null", type=PriceOverride | None)
    return ModelRow(**values)


def models(conn: Connection, project_id: str | None = None) -> list[ModelRow]:
    """One project's, or all, in order of name."""
    found = select(MODELS).order_by(MODELS.c.name)
    if project_id is not None:
        found = found.where(MODELS.c.project_id == project_id)
    return [_model(row) for row in conn.execute(found)]


def model(conn: Connection, project_id: str, name: str) -> ModelRow:
    row = conn.execute(select(MODELS).where(MODELS.c.project_id == project_id, MODELS.c.name == name)).one_or_none()
    if row is None:
        known = [m.name for m in models(conn, project_id)]
        raise NotFound(f"There is no model {name[:80]!r} in the catalog.", fix=did_you_mean(name, known, "model"))
    return _model(row)


def add_model(conn: Connection, row: ModelRow, declared: Declared) -> None:
    """`Conflict` where the name is taken; `InvalidRequest` for a provider or fallback that there is not."""
    check_model_name(row.name)
    bump(conn, REVISION)
    _not_declared("model", row.name, declared.models.keys())
    if any(m.name == row.name for m in models(conn, row.project_id)):
        raise Conflict(
            f"There is already a model {row.name!r}.",
            fix="Change it (console, `trimtab models change`, PATCH), or choose another name.",
            param="name",
        )
    refuse_taken(conn, row.project_id, row.name, "model")
    check_model(conn, row, declared)
    conn.execute(insert(MODELS).values(**_model_values(row), created=row.created))


def change_model(
    conn: Connection, project_id: str, name: str, declared: Declared, change: Callable[[ModelRow], ModelRow]
) -> ModelRow:
    """Replace the model by what ``change`` makes of it, read and written in one transaction."""
    bump(conn, REVISION)
    _not_declared("model", name, declared.models.keys())
    row = change(model(conn, project_id, name))
    check_model(conn, row, declared)
    at = (MODELS.c.project_id == project_id, MODELS.c.name == name)
    conn.execute(update(MODELS).where(*at).values(**_model_values(row)))
    return row


def write_models(conn: Connection, project_id: str, rows: Iterable[ModelRow], gone: Iterable[str]) -> None:
    """Put and remove several at once, which may name each other. Nothing is checked: `check_model` does it, once all
    of a change is written, and the caller takes it back where it is not sound."""
    bump(conn, REVISION)
    for row in rows:
        at = (MODELS.c.project_id == project_id, MODELS.c.name == row.name)
        if conn.execute(update(MODELS).where(*at).values(**_model_values(row))).rowcount == 0:
            conn.execute(insert(MODELS).values(**_model_values(row), created=row.created))
    for name in gone:
        conn.execute(delete(MODELS).where(MODELS.c.project_id == project_id, MODELS.c.name == name))


def _model_values(row: ModelRow) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(row, name) for name in ModelRow.__struct_fields__ if name != "created"}
    values["fallback"] = msgspec.json.encode(row.fallback).decode()
    values["price"] = None if row.price is None else msgspec.json.encode(row.price).decode()
    return values


def remove_model(conn: Connection, project_id: str, name: str, declared: Declared) -> None:
    """`Conflict` while another model falls back to it."""
    bump(conn, REVISION)
    _not_declared("model", name, declared.models.keys())
    model(conn, project_id, name)
    refuse_fallen_to(conn, project_id, name, declared)
    conn.execute(delete(MODELS).where(MODELS.c.project_id == project_id, MODELS.c.name == name))


def refuse_fallen_to(conn: Connection, project_id: str, name: str, declared: Declared) -> None:
    """Raises `Conflict` while another model falls back to it."""
    users = {m.name for m in models(conn, project_id) if name in m.fallback}
    users |= {other for other, (_, fallback) in declared.models.items() if name in fallback}
    if users:
        raise Conflict(
            f"{_listed(users)} may fall back to the model {name!r}.", fix="Take it out of their fallbacks first."
        )


def check_model(conn: Connection, row: ModelRow, declared: Declared) -> None:
    """Raises `InvalidRequest` where its provider or a fallback is not there, or fallbacks go round in a circle."""
    known = {p.name for p in providers(conn, row.project_id)} | declared.providers
    if row.provider not in known:
        raise InvalidRequest(
            f"There is no provider {row.provider[:80]!r} in this project.",
            fix=did_you_mean(row.provider, known, "provider"),
            param="provider",
        )
    check_upstream(row.upstream)
    if row.price is not None:
        check_price(row.price)
    ways = {m.name: m.fallback for m in models(conn, row.project_id)}
    ways |= {name: fallback for name, (_, fallback) in declared.models.items()}
    check_fallbacks(row.name, ways | {row.name: row.fallback})


def _not_declared(what: str, name: str, declared: Iterable[str]) -> None:
    if name in declared:
        raise Conflict(
            f"The {what} {name!r} is declared in the config file.",
            fix="Change it there: the server reads it again.",
            param="name",
        )


def _listed(names: set[str]) -> str:
    ordered = sorted(names)
    shown = ", ".join(repr(name) for name in ordered[:5])
    more = len(ordered) - 5
    return f"the model{'s' if len(ordered) > 1 else ''} {shown}{f' and {more} more' if more > 0 else ''}"
