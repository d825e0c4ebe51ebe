"""How the client talks to a server: pooled HTTP connections, answers decoded into structs, problems raised as errors.

httpx is imported with the first request, not with the module.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from trimtab.core.errors import (
    Conflict,
    Forbidden,
    InternalError,
    InvalidRequest,
    NotFound,
    RateLimited,
    TooLarge,
    TrimtabError,
    Unauthenticated,
    Unavailable,
)

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:4600"
TIMEOUT_S = 30.0

_BY_STATUS: dict[int, type[TrimtabError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: RateLimited,
    500: InternalError,
    503: Unavailable,
}


class Unreachable(Unavailable):
    """No server answers there, or what answers is not Trimtab."""

    code = "server_unreachable"


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457, as the server writes it."""

    detail: str
    code: str
    fix: str = ""
    param: str | None = None
    request_id: str = ""


def server_url(given: str | None = None, environ: Mapping[str, str] | None = None) -> str:
    """The server's address: what is given, else ``TRIMTAB_URL``, else the default; no slash or ``/v1`` at its end.

    Raises `InvalidRequest` for what is not an HTTP address.
    """
    source = os.environ if environ is None else environ
    url = (given or source.get("TRIMTAB_URL") or DEFAULT_URL).strip().rstrip("/").removesuffix("/v1")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequest(
            f"{url!r} is not a server's address.", fix=f"Use for example {DEFAULT_URL}.", param="TRIMTAB_URL"
        )
    return url


def management_key(given: str | None = None, environ: Mapping[str, str] | None = None) -> str | None:
    """The key for the management API: what is given, else ``TRIMTAB_ADMIN_KEY``, else ``TRIMTAB_API_KEY``."""
    source = os.environ if environ is None else environ
    return given or said(source, "TRIMTAB_ADMIN_KEY", "TRIMTAB_API_KEY") or None


def said(source: Mapping[str, str], *variables: str) -> str:
    """The first of them that says anything, without the line's end of the file that it was made of."""
    return next((text for name in variables if (text := source.get(name, "").strip())), "")


def path(*parts: str) -> str:
    """A path below the API's root, each part escaped."""
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


def _given(body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> object:
    return {k: v for k, v in body.items() if v is not None} if isinstance(body, Mapping) else [_given(b) for b in body]


class Connection:
    """Requests to one server with one key. Safe to share between threads; close it when done."""

    def __init__(self, url: str, api_key: str | None, timeout: float = TIMEOUT_S) -> None:
        self.url = url
        self._key = api_key
        self._timeout = timeout
        self._client: httpx.Client | None = None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def remove(self, where: str, expected_revision: int | None = None) -> None:
        """What is there goes. Raises `Conflict` where somebody changed it since ``expected_revision``."""
        self.ask("DELETE", where, type(None), query={"expected_revision": expected_revision})

    def ask(
        self,
        method: str,
        where: str,
        shape: type[T],
        *,
        query: Mapping[str, str | int | None] | None = None,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> T:
        """One request; the answer as ``shape`` (``type(None)`` for none). None in ``query`` and ``body`` is left out.
        ``timeout`` in seconds, where it takes longer than others do.

        Raises `Unreachable`, or the error of `trimtab.core.errors` that the server's problem stands for.
        """
        content = None if body is None else msgspec.json.encode(_given(body))
        given = {k: v for k, v in (query or {}).items() if v is not None}
        answer = self._send(method, where, given, content, headers, timeout)
        if answer.status_code >= 400:
            raise self._error(answer)
        try:
            return msgspec.json.decode(answer.content or b"null", type=shape)
        except msgspec.DecodeError as error:
            raise self._stranger(f"what it answered to {method} {where} cannot be read: {error}") from error

    def text(self, where: str, *, query: Mapping[str, str | int | None] | None = None) -> str:
        """One GET whose answer is no JSON. Raises as `ask` does."""
        answer = self._send("GET", where, {k: v for k, v in (query or {}).items() if v is not None}, None)
        if answer.status_code >= 400:
            raise self._error(answer)
        return answer.text

    def file(
        self, where: str, *, query: Mapping[str, str | int | None] | None = None
    ) -> tuple[bytes, Mapping[str, str]]:
        """One GET whose answer is a file: its bytes and the answer's headers. Raises as `ask` does."""
        answer = self._send("GET", where, {k: v for k, v in (query or {}).items() if v is not None}, None)
        if answer.status_code >= 400:
            raise self._error(answer)
        return answer.content, answer.headers

    def upload(
        self, where: str, shape: type[T], file: Path, *, query: Mapping[str, Any] | None = None, timeout: float
    ) -> T:
        """One POST whose body is a file as it is; the answer as ``shape``. Raises as `ask` does, and `InvalidRequest`
        for a file that cannot be read. ``timeout`` in seconds."""
        import httpx

        given = {k: v for k, v in (query or {}).items() if v is not None}
        headers = {"content-type": "application/octet-stream"}
        try:
            with file.open("rb") as content:
                answer = self._open().post(where, params=given, content=content, headers=headers, timeout=timeout)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        except OSError as error:
            raise InvalidRequest(f"{file} cannot be read: {error.strerror or error}.", fix="Check its path.") from error
        if answer.status_code >= 400:
            raise self._error(answer)
        return msgspec.json.decode(answer.content, type=shape)

    def lines(self, where: str, *, query: Mapping[str, str | int | None] | None = None) -> Iterator[str]:
        """One GET whose answer goes on and on, line by line. Raises as `ask` does, also when it breaks off."""
        import httpx

        given = {k: v for k, v in (query or {}).items() if v is not None}
        try:
            with self._open().stream("GET", where, params=given) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise self._error(answer)
                yield from answer.iter_lines()
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _send(
        self,
        method: str,
        where: str,
        query: dict[str, str | int],
        content: bytes | None,
        more: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> "httpx.Response":
        import httpx

        try:
            headers = {**(more or {}), **({"content-type": "application/json"} if content else {})}
            wait = httpx.USE_CLIENT_DEFAULT if timeout is None else max(timeout, self._timeout)
            return self._open().request(method, where, params=query, content=content, headers=headers, timeout=wait)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _open(self) -> "httpx.Client":
        import httpx

        from trimtab.core.no_tls import no_tls

        if self._client is None:
            headers = {"accept": "application/json", "user-agent": "trimtab-sdk"}
            if self._key:
                headers["authorization"] = f"Bearer {self._key}"
            # No proxy of the environment stands between this machine and itself.
            to = urlsplit(self.url)
            proxied = to.hostname not in ("127.0.0.1", "localhost", "::1")
            verify = no_tls() if to.scheme == "http" else True
            self._client = httpx.Client(
                base_url=self.url, headers=headers, timeout=self._timeout, trust_env=proxied, verify=verify
            )
        return self._client

    def _unreachable(self, error: "httpx.TransportError") -> Unreachable:
        return Unreachable(
            f"No Trimtab server answers at {self.url} ({type(error).__name__}: {error}).",
            fix="Start one with `trimtab up`, or set TRIMTAB_URL to where it is.",
        )

    def _error(self, answer: "httpx.Response") -> TrimtabError:
        try:
            problem = msgspec.json.decode(answer.content, type=Problem)
        except msgspec.DecodeError:
            return self._stranger(f"it answered with status {answer.status_code} and no problem document")
        kind = _BY_STATUS.get(answer.status_code, TrimtabError)
        fix = problem.fix
        if answer.status_code == 401:
            fix = "Set TRIMTAB_ADMIN_KEY or TRIMTAB_API_KEY to a key of this server; its first start printed one."
        retry_after = answer.headers.get("retry-after", "")
        return kind(
            problem.detail,
            fix=fix,
            code=problem.code,
            status=answer.status_code,
            param=problem.param,
            retry_after_s=float(retry_after) if retry_after.isdecimal() else None,
        )

    def _stranger(self, why: str) -> Unreachable:
        return Unreachable(
            f"What answers at {self.url} does not speak this version of Trimtab's API: {why}.",
            fix="See that TRIMTAB_URL is right and that server and client are of the same version.",
            code="not_trimtab",
        )
