"""What a kind of provider asks for beside a key: a region, an API version, further credentials. Checked in one place
for the API and the config file."""

import re
from collections.abc import Container, Mapping

from trimtab.core.errors import InvalidRequest
from trimtab.core.known import did_you_mean
from trimtab.gateway.store import Sealed
from trimtab.gateway.targets import Provider
from trimtab.llm.providers import PROVIDER_KINDS, ProviderKind

IDENTITY = "identity"
MASK = "••••••••"
_SECRET_NAME = re.compile(r"auth|key|token|secret|cookie|password|credential|signature", re.IGNORECASE)
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,3998}[\x21-\x7e])?")
_IN_HOST = re.compile(r"[A-Za-z0-9-]{1,63}")


def default_base_url(kind: ProviderKind, options: dict[str, str]) -> str:
    """The kind's own address, with its options put in; ``""`` where it has none. Raises `InvalidRequest` where an
    option that stands in it is missing, or could not be part of a host name."""
    url = kind.base_url
    for option in kind.options:
        place = "{" + option.name + "}"
        if place in url:
            value = options.get(option.name, option.default)
            if not _IN_HOST.fullmatch(value):
                raise InvalidRequest(
                    f"The option {option.name!r} of {kind.title} {'is missing' if not value else 'is not usable'}.",
                    fix=f"Give {option.name}: {option.about}",
                    param=f"options.{option.name}",
                )
            url = url.replace(place, value)
    for before, after in kind.respelled.items():
        url = url.replace(before, after)
    return url


def check_options(kind: ProviderKind, secret: Sealed, *, operators: bool = False) -> None:
    """The options are known to the kind and complete, and there is a key or what stands in for one; only an operator
    (``operators``) lends the server's own identity. Never repeats a value."""
    known = {option.name: option for option in kind.options}
    for name, value in secret.options.items():
        if name not in known:
            names = did_you_mean(name, known) if known else "It has none."
            raise InvalidRequest(f"{kind.title} has no option {name[:80]!r}.", fix=names, param=f"options.{name[:80]}")
        told = re.sub(r"[\r\n]+", "", value) if known[name].lines else value
        if not _VALUE.fullmatch(told):
            raise InvalidRequest(
                f"The option {name!r} is empty or holds characters that cannot travel in a header.",
                fix="Copy it again, without blanks and line breaks around it.",
                param=f"options.{name}",
            )
    for option in kind.options:
        if option.required and not secret.options.get(option.name, option.default):
            raise InvalidRequest(
                f"{kind.title} needs the option {option.name!r}.",
                fix=f"Give {option.name}: {option.about}",
                param=f"options.{option.name}",
            )
    if kind.identities and (identity := secret.options.get(IDENTITY)):
        _check_identity(kind, identity, operators=operators)
    if kind.needs_key and secret.api_key is None and not stands_in(kind, secret.options):
        other = f", or the options {' and '.join(kind.key_options)}" if kind.key_options else ""
        named = f" (its own clients read {kind.key_variable})" if kind.key_variable else ""
        raise InvalidRequest(
            f"{kind.title} needs an API key{other}.", fix=f"Send 'api_key'{named}{other}.", param="api_key"
        )


def _check_identity(kind: ProviderKind, identity: str, *, operators: bool) -> None:
    if identity not in kind.identities:
        raise InvalidRequest(
            f"{kind.title} has no such identity.",
            fix=f"Give {IDENTITY}: {' or '.join(kind.identities)}.",
            param=f"options.{IDENTITY}",
        )
    if not operators:
        raise InvalidRequest(
            "The identity of this server is its operator's to lend.",
            fix="Declare this provider in the server's config file, or give it a key.",
            param=f"options.{IDENTITY}",
        )


def with_defaults(kind: ProviderKind, options: dict[str, str]) -> dict[str, str]:
    """The options as a call needs them."""
    return {option.name: option.default for option in kind.options if option.default} | options


def shown(kind: ProviderKind | None, options: dict[str, str]) -> dict[str, str]:
    """The options as people may see them: secrets are masked, and so is whatever the kind does not know."""
    plain = {option.name for option in kind.options if not option.secret} if kind is not None else set[str]()
    return {name: value if name in plain else MASK for name, value in options.items()}


def shown_headers(headers: Mapping[str, str], hidden: frozenset[str] = frozenset()) -> dict[str, str]:
    """The headers as people may see them: what is ``hidden``, or named like a secret, is masked."""
    return {name: MASK if name in hidden or _SECRET_NAME.search(name) else value for name, value in headers.items()}


def kept_secrets(kind: ProviderKind | None, secret: Sealed, anew: Container[str]) -> list[str]:
    """The fields whose values nobody may see again, but for those that were given ``anew``."""
    headers, options = shown_headers(secret.headers), shown(kind, secret.options)
    fields = ["api_key"] if secret.api_key is not None or secret.api_keys else []
    fields += [f"headers.{name}" for name, told in headers.items() if told == MASK]
    fields += [f"options.{name}" for name, told in options.items() if told == MASK]
    return [field for field in fields if field not in anew]


def secret_options(provider: Provider) -> list[str]:
    """The values nobody may see again."""
    kind = PROVIDER_KINDS.get(provider.kind)
    secret = {option.name for option in kind.options if option.secret}
    return [value for name, value in provider.options.items() if name in secret]


def stands_in(kind: ProviderKind, options: Mapping[str, str]) -> bool:
    """Whether something stands in for the key."""
    given = bool(kind.key_options) and all(options.get(name) for name in kind.key_options)
    return given or bool(kind.identities and options.get(IDENTITY))
