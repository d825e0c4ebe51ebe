"""The providers: does each answer, does it take its key, and does its clock agree with ours? No token is spent."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from trimtab.cli.doctor.checks import Check, Patient, fail, ok, warn
from trimtab.cli.doctor.stores import Findings
from trimtab.cli.doctor.stores import providers as declared
from trimtab.core.errors import TrimtabError

if TYPE_CHECKING:
    from trimtab.gateway.targets import Provider

ANSWER_S = 8.0
SKEW_S = 60.0


class Reply(Struct, frozen=True):
    """``skew`` is the provider's clock minus ours, in seconds; None where it did not say."""

    check: Check
    skew: float | None = None


def providers(patient: Patient, findings: Findings) -> Iterator[Check]:
    """Each provider's list of models is asked for, with its key; all at once."""
    if findings.config is None:
        yield warn("providers", "not asked, because the config file cannot be read", "Correct the config file first.")
        return
    if findings.unread:
        yield warn(
            "providers", "those in the catalog are not asked, because it cannot be read", "Mend the catalog first."
        )
    try:
        found = declared(patient, findings)
    except TrimtabError as error:
        yield fail("providers", error.message, error.fix or "Enter the providers' keys again.")
        return
    if not found:
        if not findings.unread:
            yield ok("providers", "none declared yet")
        return
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(ask, *zip(*found, strict=True)))
    yield from (reply.check for reply in replies)
    skews = [reply.skew for reply in replies if reply.skew is not None]
    if skews and min(abs(skew) for skew in skews) > SKEW_S:
        yield warn("clock", f"it differs by {min(skews, key=abs):+.0f} s from the providers'", "Set the clock (NTP).")


def ask(project: str, provider: "Provider") -> Reply:
    """``GET /models`` of one provider."""
    import httpx

    from trimtab.gateway.provider_options import stands_in
    from trimtab.llm.auth import headers_of
    from trimtab.llm.dialects import DIALECTS
    from trimtab.llm.providers import PROVIDER_KINDS

    name = f"provider {project}/{provider.name}"
    kind = PROVIDER_KINDS.get(provider.kind) if provider.kind in PROVIDER_KINDS.names() else None
    if kind is not None and kind.managed:
        return Reply(ok(name, "runs on this machine, started by the first call"))
    keyless = kind is not None and not stands_in(kind, provider.options)
    if kind is not None and kind.needs_key and not provider.api_key and keyless:
        return Reply(fail(name, "it has no key", f"Set one: {kind.key_variable or 'its API key'}."))
    dialect = DIALECTS.get(provider.dialect)
    auth = (kind.auth if kind is not None else None) or dialect.auth
    if auth.way == "sigv4" or (kind is not None and kind.key_options and not provider.api_key):
        return Reply(ok(name, "has credentials; whether they hold, the first call will tell"))
    headers = {**dialect.headers, **headers_of(auth, provider.api_key), **provider.headers}
    query = {} if kind is None else kind.query
    asked = {name: provider.options[option] for name, option in query.items() if provider.options.get(option)}
    url = f"{provider.base_url.rstrip('/')}/models{f'?{urlencode(asked)}' if asked else ''}"
    try:
        answer = httpx.get(url, headers=headers, timeout=ANSWER_S, trust_env=False)
    except httpx.HTTPError as error:
        host = urlsplit(provider.base_url).netloc
        why = f"{host} does not answer ({type(error).__name__}: {error})"
        return Reply(fail(name, why, "See that its address is right and that this machine may reach it."))
    return Reply(_judge(name, answer.status_code, provider), _skew(answer.headers.get("date", "")))


def _judge(name: str, status: int, provider: "Provider") -> Check:
    place = urlsplit(provider.base_url).netloc
    if status in (401, 403):
        return fail(name, f"{place} refuses its key (status {status})", "Enter a valid key for it.")
    if status >= 500:
        return warn(name, f"{place} is in trouble (status {status})", "Wait, or give its models a fallback.")
    if status >= 400:
        return ok(name, f"{place} answers (it has no list of models: status {status})")
    return ok(name, f"{place} answers and takes the key" if provider.api_key else f"{place} answers")


def _skew(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except ValueError:
        return None
