"""`trimtab login`: sign in as yourself, with the browser; `--end` signs out.

The browser goes to the server, from there to the identity provider, and comes back to this command on loopback with a
grant (RFC 8252). The grant is worth nothing to anybody else: it is exchanged with a secret that never left this process
(RFC 7636).
"""

import base64
import hashlib
import secrets
import threading
import webbrowser
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

import click

from trimtab.cli import saved_sessions, terminal
from trimtab.cli.base import json_option, local_time, print_json, told, url_option
from trimtab.core.errors import InvalidRequest, Unauthenticated
from trimtab.sdk.client import Client
from trimtab.sdk.connection import server_url

PATIENCE_S = 600
_PAGE = "<!doctype html><meta charset=utf-8><title>Trimtab</title><p style='font:16px sans-serif'>{}</p>"


@click.command()
@click.option("--provider", default=None, help="The identity provider, where there are several.")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
@click.option("--end", is_flag=True, help="Sign out instead.")
@url_option
@json_option
def command(*, provider: str | None, no_browser: bool, end: bool, url: str | None, as_json: bool) -> None:
    """Sign in with an identity provider, as yourself. Later commands then need no key; one in the environment still
    counts more.

    \b
    Examples:
      trimtab login
      trimtab login --url https://trimtab.example.com --provider google
      trimtab login --end
    """
    where = server_url(url)
    with told(as_json=as_json), terminal.guarded():
        if end:
            _end(where, as_json=as_json)
        else:
            _begin(where, provider, no_browser=no_browser, as_json=as_json)


def _begin(where: str, provider: str | None, *, no_browser: bool, as_json: bool) -> None:
    verifier = secrets.token_urlsafe(48)
    with Client(where, "") as client, _Waiting() as waiting:
        start = _start(where, _chosen(client, provider), waiting.port, verifier)
        click.echo(f"Sign in here:\n  {start}", err=True)
        if not no_browser:
            webbrowser.open(start)
        grant = waiting.grant()
        made = client.people.spend_grant(grant, verifier)
    saved_sessions.keep(where, made.token, made.expires)
    if as_json:
        print_json({"name": made.name, "expires": made.expires, "url": where})
    else:
        click.echo(f"Signed in to {where} as {made.name}, until {local_time(made.expires)} at the latest.")


def _chosen(client: Client, provider: str | None) -> str:
    found = client.people.ways_in()
    if provider is None and len(found) == 1:
        return found[0]
    if provider is not None and provider in found:
        return provider
    raise InvalidRequest(
        f"There is no identity provider {provider!r}." if provider else "Which identity provider?",
        fix=f"Name one of: {', '.join(found)}." if found else "Add one: trimtab identity-providers add; or use a key.",
        param="provider",
    )


def _start(where: str, provider: str, port: int, verifier: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return f"{where}/api/v1/oidc/{provider}/start?{urlencode({'port': port, 'challenge': challenge})}"


def _end(where: str, *, as_json: bool) -> None:
    token = saved_sessions.token(where)
    if token is not None:
        with Client(where, token) as client, suppress(Unauthenticated):  # it had ended by itself
            client.people.log_out()
        saved_sessions.forget(where)
    if as_json:
        print_json({"ended": token is not None})
    else:
        click.echo(f"Signed out of {where}." if token is not None else f"You were not signed in to {where}.")


class _Waiting:
    """A web server on loopback for one answer."""

    def __enter__(self) -> Self:
        told: dict[str, str] = {}
        arrived = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: found[0] for name, found in parse_qs(urlsplit(self.path).query).items()}
                known = "grant" in query or "error" in query
                if known and not arrived.is_set():
                    told.update(query)
                    arrived.set()
                text = "You are signed in. You may close this page." if "grant" in query else "That did not work."
                body = _PAGE.format(text).encode()
                self.send_response(200 if known else 404)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its signature
                """Says nothing: what it would print holds the grant."""

        self._told, self._arrived = told, arrived
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def grant(self) -> str:
        """What the browser brings back. Raises `Unauthenticated`."""
        if not self._arrived.wait(PATIENCE_S):
            raise Unauthenticated("Nobody signed in within ten minutes.", fix="Run: trimtab login")
        if "grant" not in self._told:
            raise Unauthenticated(
                f"The server did not let you in: {self._told.get('error', '')[:80]}.",
                fix="docs/oidc.md says what each reason means.",
                code=self._told.get("error", "")[:80] or "oidc_denied",
            )
        return self._told["grant"]

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
