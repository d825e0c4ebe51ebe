"""What the official model clients need: their options, and the headers that say what a call belongs to."""

import os
from collections.abc import Iterable, Mapping
from typing import TypedDict

from trimtab.core.errors import InvalidRequest
from trimtab.sdk.connection import said, server_url


class ClientOptions(TypedDict):
    """What both official clients take by these names."""

    base_url: str
    api_key: str


MAX_VALUE = 256
"""Characters of a value that the server keeps; a longer one is refused here rather than cut there."""


def call_headers(
    *,
    session: str | None = None,
    user: str | None = None,
    feature: str | None = None,
    tags: Iterable[str] = (),
    project: str | None = None,
    traceparent: str | None = None,
) -> dict[str, str]:
    """Headers for one call, to be given as the official clients' ``extra_headers``.

    ``tags`` may not hold commas. ``project`` matters only with a key that reaches more than one. ``traceparent`` is W3C
    Trace Context: the call's span then joins that trace. Raises `InvalidRequest` for a value no header can carry.
    """
    tag_list = list(tags)
    for tag in tag_list:
        if "," in tag:
            raise InvalidRequest(f"The tag {tag!r} holds a comma.", fix="Give it as two tags.", param="tags")
    values = {
        "trimtab-session": session,
        "trimtab-user": user,
        "trimtab-feature": feature,
        "trimtab-tags": ",".join(tag_list),
        "trimtab-project": project,
        "traceparent": traceparent,
    }
    return {name: _checked(name, value) for name, value in values.items() if value}


def _checked(name: str, value: str) -> str:
    if not value.isascii() or not value.isprintable() or (len(value) > MAX_VALUE and name != "trimtab-tags"):
        raise InvalidRequest(
            f"{name} cannot be {value[:40]!r}.",
            fix=f"Use at most {MAX_VALUE} printable ASCII characters (HTTP carries no others safely).",
            param=name,
        )
    return value


def openai_options(
    base_url: str | None = None, api_key: str | None = None, environ: Mapping[str, str] | None = None
) -> ClientOptions:
    """``OpenAI(**openai_options())``: the client's calls go through Trimtab."""
    return {"base_url": f"{server_url(base_url, environ)}/v1", "api_key": _call_key(api_key, environ)}


def anthropic_options(
    base_url: str | None = None, api_key: str | None = None, environ: Mapping[str, str] | None = None
) -> ClientOptions:
    """``Anthropic(**anthropic_options())``; that client adds ``/v1`` to its base URL itself."""
    return {"base_url": server_url(base_url, environ), "api_key": _call_key(api_key, environ)}


def _call_key(given: str | None, environ: Mapping[str, str] | None) -> str:
    source = os.environ if environ is None else environ
    key = given or said(source, "TRIMTAB_API_KEY", "TRIMTAB_ADMIN_KEY")
    if not key:
        raise InvalidRequest(
            "No key was given.",
            fix="Set TRIMTAB_API_KEY, or give api_key=...; `trimtab keys create` makes one.",
            param="api_key",
        )
    return key
