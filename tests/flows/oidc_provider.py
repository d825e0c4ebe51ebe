"""The real identity provider of `tests/clients/oidc`, and a browser that signs in with it."""

import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

from patience import PATIENCE_S

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import install_clients

CALLBACK = "http://127.0.0.1:4600/api/v1/oidc/callback"
SECRET = "a client secret: with/odd+characters%"


@dataclass
class Running:
    """A provider; ``callback`` is where it sends browsers back to."""

    issuer: str
    callback: str

    def sign_in(self, url: str, who: str) -> str:
        """Go where the server sent the browser, sign in there and agree; the address the provider then sends the
        browser to. ``who`` is an address; the groups they are in stand behind a plus: ``ada+admins@example.com``."""
        with httpx.Client(follow_redirects=False, timeout=PATIENCE_S, trust_env=False) as browser:
            return self._through(browser, url, who)

    def browse(self, url: str, who: str) -> httpx.Response:
        """The whole way, from the server to the provider, back, and on."""
        with httpx.Client(follow_redirects=False, timeout=PATIENCE_S, trust_env=False) as browser:
            start = browser.get(url)
            assert start.is_redirect, start.text
            back = self._through(browser, start.headers["location"], who)
            return browser.get(back, follow_redirects=True)

    def _through(self, browser: httpx.Client, url: str, who: str) -> str:
        local, _, domain = who.partition("@")
        name, *groups = local.split("+")
        browser.get(f"{self.issuer}/groups/{name}@{domain}?{','.join(groups)}")
        answer = browser.get(url)
        for _ in range(12):
            if answer.is_redirect:
                to = urljoin(str(answer.url), answer.headers["location"])
                if to.startswith(self.callback):
                    return to
                answer = browser.get(to)
                continue
            assert answer.status_code == 200, answer.text[:500]
            form = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert form is not None, answer.text[:500]
            assert prompt is not None, answer.text[:500]
            data = {"prompt": prompt[1], "login": f"{name}@{domain}", "password": "any"}
            answer = browser.post(urljoin(str(answer.url), form[1]), data=data)
        raise AssertionError("the provider never sent the browser back")


@contextmanager
def provider(callback: str = CALLBACK) -> Generator[Running]:
    install_clients.install_one("oidc")
    node = install_clients.node_folder() / "node"
    home = install_clients.HOME / "oidc"
    process = subprocess.Popen(
        [str(node), str(home / "provider.mjs"), callback],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://"), "the provider did not start"
        yield Running(issuer, callback)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)
