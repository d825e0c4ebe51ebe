"""Secrets of every kind, planted in a real server that logs all it can: none is found in what it says or keeps.

Calls succeed, fail with a provider that repeats our key (in an error, and inside a stream), are refused, and come as
spans with credentials in their headers. Then the log, every answer that can be fetched, the metrics, an export, a
backup and every file of the data folder are searched. What is sealed is not in the clear, and the server's own key
is: it has to be, in one file that only its owner reads.
"""

import base64
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import ADMIN, Live, admin, live, until
from sqlalchemy import create_engine

from patience import PATIENCE_S
from trimtab.governance import data_keys, totp
from trimtab.governance.data_key import unwrap
from trimtab.governance.secrets import load
from trimtab.server.api import all_routes

pytestmark = pytest.mark.promise

PROJECT = "/api/v1/projects/default"
PROVIDER_KEY = "sk-canary-provider-key-4711"
PLANTED = {
    "provider key": PROVIDER_KEY,
    "provider header": "canary-provider-header-4712",
    "webhook secret": "canary-webhook-secret-4713",
    "webhook header": "canary-webhook-header-4714",
    "client secret of an identity provider": "canary-oidc-client-secret-4715",
    "wrong key": "tt_canary-of-a-wrong-key-4716",
    "header of a span": "canary-header-of-a-span-4717",
    "admin key": ADMIN,
}
CONFIG = """
providers:
  echo: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "{key}"}}
models:
  well: {{provider: echo, model: "well"}}
  broken: {{provider: echo, model: "broken"}}
"""


class _Echo(BaseHTTPRequestHandler):
    """A provider that answers, or says in its error which key it was shown."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = f"the key {self.headers['authorization']} is out of money"
        error = json.dumps({"error": {"message": told, "type": "server_error"}})
        if self.path == "/hook":
            self._send(500, "text/plain", f"who is {self.headers['x-token']}?")
        elif body.get("stream"):
            delta = {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "word"}}]}
            self._send(200, "text/event-stream", f"data: {json.dumps(delta)}\n\ndata: {error}\n\n")
        elif body["model"] == "broken":
            self._send(401, "application/json", error)
        else:
            message = {"role": "assistant", "content": "Hello."}
            answer = {
                "id": "1",
                "model": "well",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            }
            self._send(200, "application/json", json.dumps(answer))

    def _send(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Quietly."""


@contextlib.contextmanager
def echoing() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class House:
    """The server, what was planted in it, and all that it said."""

    def __init__(self, server: Live, echo: str) -> None:
        self.server = server
        self._echo = echo
        self.planted = dict(PLANTED)
        self.said: dict[str, str] = {}
        self._http = httpx.Client(base_url=server.url, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """``said`` keeps the answer, but for those that show a secret once, because that is what they are for."""
        answer = self._http.request(method, path, json=body, headers={**admin(), **headers})
        self.said[f"{method} {path} {len(self.said)}"] = answer.text
        return answer

    def shown_once(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body, headers=admin())
        assert answer.status_code < 300, answer.text
        return answer.json()

    # --- what is planted ---

    def plant(self) -> None:
        hidden = {"x-secret": PLANTED["provider header"]}
        lab = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": PROVIDER_KEY, "headers": hidden}
        assert self.ask("POST", f"{PROJECT}/providers", lab).status_code == 201
        hook = {
            "name": "hook", "kind": "webhook", "url": f"{self._echo}/hook", "content": "full", "quiet_s": 1,
            "secret": PLANTED["webhook secret"], "headers": {"x-token": PLANTED["webhook header"]},
        }  # fmt: skip
        assert self.ask("POST", f"{PROJECT}/forwards", hook).status_code == 201
        idp = {
            "name": "corp", "issuer": "https://id.example.com", "client_id": "trimtab",
            "client_secret": PLANTED["client secret of an identity provider"],
        }  # fmt: skip
        assert self.ask("POST", "/api/v1/identity-providers", idp).status_code == 201
        self.planted["client key"] = self.shown_once("POST", f"{PROJECT}/keys", {"name": "app"})["secret"]
        link = self.shown_once("POST", "/api/v1/login-links")["url"]
        self.planted["login link"] = link.partition("token=")[2]
        with httpx.Client(base_url=self.server.url, timeout=PATIENCE_S) as browser:
            assert browser.post("/api/v1/login", json={"key": ADMIN}).status_code == 200
            self.planted["session cookie"] = browser.cookies["trimtab_session"]
        begun = self.shown_once("POST", "/api/v1/second-factor", {})
        secret = base64.b32decode(begun["secret"] + "=" * (-len(begun["secret"]) % 8))
        code = totp.hotp(secret, totp.step_at(int(time.time())))
        codes = self.shown_once("POST", "/api/v1/second-factor/confirm", {"code": code})["codes"]
        self.planted |= {"second factor": begun["secret"], "second factor as hex": secret.hex(), "recovery": codes[0]}
        assert self.ask("PUT", f"{PROJECT}/encryption", {"enabled": True}).status_code == 200

    # --- what happens ---

    def use(self) -> None:
        key = {"authorization": f"Bearer {self.planted['client key']}"}
        hello = [{"role": "user", "content": "Hello"}]
        statuses = [
            self.ask("POST", "/v1/chat/completions", {"model": model, "messages": hello, **more}, **who).status_code
            for model, more, who in (
                ("well", {}, key), ("broken", {}, key), ("well", {"stream": True}, key), ("none", {}, key),
                ("well", {}, {"authorization": f"Bearer {PLANTED['wrong key']}"}),
            )
        ]  # fmt: skip
        assert (statuses[0], statuses[3:]) == (200, [404, 401]), statuses
        assert statuses[1] >= 400
        self.ask("POST", "/api/v1/login", {"key": PLANTED["wrong key"]})
        self.ask("PATCH", f"{PROJECT}/providers/lab", {"api_key": [PROVIDER_KEY]})
        self.ask("POST", f"{PROJECT}/forwards/hook/test")
        token = PLANTED["header of a span"]
        span = {
            "traceId": "ab" * 16, "spanId": "cd" * 8, "name": "POST", "kind": 3,
            "startTimeUnixNano": str(time.time_ns() - 10**9), "endTimeUnixNano": str(time.time_ns()),
            "attributes": [
                {"key": "http.request.header.authorization", "value": {"stringValue": f"Bearer {token}"}},
                {"key": "http.request.header.cookie", "value": {"arrayValue": {"values": [{"stringValue": token}]}}},
            ],
        }  # fmt: skip
        assert (
            self.ask("POST", "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).status_code == 200
        )
        self.server.settled()

    # --- what is looked at ---

    def look(self) -> None:
        """Every answer without an id in its address, and each trace's."""
        for handler in all_routes():
            path = (
                next(iter(handler.paths)).replace("{project:str}", "default").replace("{organisation:str}", "default")
            )
            if "GET" in handler.http_methods and "{" not in path and not path.endswith("/live"):
                self.ask("GET", path)
        for row in json.loads(self.ask("GET", f"{PROJECT}/traces").text)["rows"]:
            trace = self.ask("GET", f"{PROJECT}/traces/{row['trace_id']}").json()
            for span in trace["spans"]:
                self.ask("GET", f"{PROJECT}/traces/{row['trace_id']}/spans/{span['span_id']}/io")
        for file in ("spans.jsonl", "ledger.jsonl", "scores.jsonl"):
            self.ask("GET", f"{PROJECT}/export/{file}")
        for path in ("providers/lab", "forwards/hook", "export"):
            self.ask("GET", f"{PROJECT}/{path}")
        self.ask("GET", "/metrics")

    def back_up(self, target: Path) -> None:
        argv = [sys.executable, "-m", "trimtab.cli.main", "backup", str(target), "--data-dir", str(self.server.data)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.said["backup"] = done.stdout + done.stderr

    def data_key(self) -> bytes:
        engine = create_engine(f"sqlite:///{self.server.data / 'catalog.sqlite'}")
        with engine.connect() as conn:
            (found,) = data_keys.every(conn)
        engine.dispose()
        return unwrap(load(self.server.data, None), found)


def test_no_secret_is_in_the_clear_in_anything_a_server_says_or_keeps(tmp_path: Path) -> None:
    debug = {"TRIMTAB_LOG_LEVEL": "debug", "TRIMTAB_FORWARD_ALLOW": "127.0.0.1"}
    with echoing() as url, live(tmp_path, CONFIG.format(url=url, key=PROVIDER_KEY), env=debug) as server:
        house = House(server, url)
        house.plant()
        house.use()
        house.look()
        house.back_up(tmp_path / "backup")
        until(lambda: "trimtab" in server.log.read_text(errors="replace"), PATIENCE_S, server.told)
        key = house.data_key()
    assert len(house.said) > 60
    assert any("[hidden]" in text for text in house.said.values()), "the provider did repeat a key"
    wanted = {name: secret.encode() for name, secret in house.planted.items()}
    forms = {"bytes": key, "hex": key.hex().encode(), "base64": base64.b64encode(key)}
    wanted |= {f"data key as {form}": secret for form, secret in forms.items()}
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "trimtab.yaml"]
    assert {"server.log", "catalog.sqlite"} <= {path.name for path in files}
    places = {str(path.relative_to(tmp_path)): path.read_bytes() for path in files}
    places |= {name: text.encode() for name, text in house.said.items()}
    found = {(name, place) for place, content in places.items() for name, secret in wanted.items() if secret in content}
    assert found == set()
