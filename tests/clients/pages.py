"""The pages of docs/clients as programs: their fenced blocks, run by the real clients, and what they print.

A page's blocks of its language (``python``, ``js`` or ``sh``) run in order in one process, so a later block may use
what an earlier one made. The address and the key in the page are replaced by the test server's, and nothing else.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from patience import PATIENCE_S

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import install_clients as installed

PAGES = installed.ROOT / "docs" / "clients"
ADDRESS = "http://127.0.0.1:4600"
KEY = "tt_..."
MARK = "\x1e"
HOLDING_BACK = ("dspy", "instructor", "litellm", "llama-index")
"""Clients that ask for older versions of the vendors' clients, and so stand in an environment of their own."""
_FENCE = re.compile(r"^## (?P<heading>[^\n]+)$|^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


class Page(Struct, frozen=True, kw_only=True):
    """One client's page; ``blocks`` are (heading, code), those of one heading joined."""

    name: str
    language: str
    blocks: tuple[tuple[str, str], ...]

    def headings(self) -> list[str]:
        return [heading for heading, _ in self.blocks]


def read(name: str) -> Page:
    """The page's blocks of the language it has most of."""
    heading, found = "", dict[str, dict[str, str]]()
    for match in _FENCE.finditer((PAGES / f"{name}.md").read_text()):
        if match["heading"]:
            heading = match["heading"].strip()
        elif match["language"] in ("python", "js", "sh"):
            codes = found.setdefault(match["language"], {})
            codes[heading] = codes.get(heading, "") + match["code"]
    language = max(found, key=lambda known: len(found[known]))
    return Page(name=name, language=language, blocks=tuple(found[language].items()))


def names() -> list[str]:
    return sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")


def run(page: Page, url: str, key: str, folder: Path) -> dict[str, str]:
    """What each block printed, by heading. Raises `AssertionError` with the client's own words when one fails."""
    blocks = [(heading, code.replace(ADDRESS, url).replace(KEY, key)) for heading, code in page.blocks]
    command, told = {"python": _python, "js": _js, "sh": _sh}[page.language](page, blocks, folder)
    ours = ("OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI", "TRIMTAB", "PYTHONPATH")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment |= {"PYTHONUTF8": "1", "NO_PROXY": "127.0.0.1", "HOME": str(folder)}
    done = subprocess.run(
        command,
        input=told,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, (
        f"{page.name} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    )
    parts = (part.partition("\n") for part in done.stdout.split(MARK)[1:])
    return {heading: text for heading, _, text in parts}


def _python(page: Page, blocks: list[tuple[str, str]], folder: Path) -> tuple[list[str], str]:
    """With the newest versions of the vendors' clients, but for those that hold one of them back."""
    python = installed.PYTHON if page.name in HOLDING_BACK else installed.NEWEST
    return [str(python), str(Path(__file__).with_name("runner.py"))], msgspec.json.encode(blocks).decode()


def _js(page: Page, blocks: list[tuple[str, str]], folder: Path) -> tuple[list[str], str]:
    """One module; the installed packages are found because it lies beside them."""
    lines = [f"process.stdout.write({msgspec.json.encode(MARK + h).decode()} + '\\n');\n{code}" for h, code in blocks]
    module = installed.NODE_HOME / f"{page.name}-{os.getpid()}.mjs"
    module.write_text("\n".join(lines))
    # node reads a module before it runs it, so the file may go as soon as node has ended
    return [
        "sh",
        "-c",
        '"$0" "$1"; code=$?; rm -f "$1"; exit $code',
        str(installed.node_folder() / "node"),
        str(module),
    ], ""


def _sh(page: Page, blocks: list[tuple[str, str]], folder: Path) -> tuple[list[str], str]:
    lines = [f"printf '\\036%s\\n' {shlex.quote(heading)}\n{code}" for heading, code in blocks]
    return ["bash", "-euo", "pipefail", "-s"], "\n".join(lines)
