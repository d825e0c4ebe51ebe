"""The console's files: a folder read at start and served from memory's index, so no path from outside ever touches the
disk. Where the console was built anew under a running server the folder is read again: pages that are open ask for
files that are gone, load themselves anew (`console/src/lib/rebuilt.ts`), and must find the new ones.

Files under ``assets/`` carry a hash in their name and never change; ``index.html`` is asked for again each time, and is
also the answer for every page of the console that has no file of its own. A page cannot run anything we did not ship:
see `POLICY`.
"""

import asyncio
import hashlib
import mimetypes
from pathlib import Path
from typing import Any

from msgspec import Struct

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""Inline styles are allowed for the component library, which sets style attributes; inline script is not."""

_HARDENED = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_FOREVER = b"public, max-age=31536000, immutable"
_ASK = b"no-cache"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".txt": "text/plain; charset=utf-8",
}
_BUILDING = b"""<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Trimtab</title><body style="font: 16px/1.6 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>The console is being built</h1><p>This page comes back by itself.</p>
"""
_UNBUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Trimtab</title>
<body style="font: 16px/1.6 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>The console is not built</h1>
<p>This server runs from a source tree without the console's files. Build them with <code>make console</code>
and load this page again. The gateway at <code>/v1</code> and the API at <code>/api/v1</code> work meanwhile.</p>
"""


class _File(Struct, frozen=True, kw_only=True):
    path: Path
    media_type: str
    etag: str
    zipped: Path | None
    forever: bool


class StaticConsole:
    """An ASGI app for GET and HEAD: the folder's files, `index.html` for the console's own pages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = _stamp(folder)
        self._files = _index(folder)

    async def _look_again(self) -> None:
        """Read the folder anew where it is not as it was."""
        seen = _stamp(self._folder)
        if seen is not None and seen != self._seen:
            self._files = await asyncio.to_thread(_index, self._folder)
            self._seen = seen

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        file = self._files.get(scope["path"])
        if file is None or not file.forever:
            await self._look_again()
            file = self._files.get(scope["path"]) or self._page(scope["path"])
        head = scope["method"] == "HEAD"
        if file is None:
            missing = "." in scope["path"].rpartition("/")[2] and bool(self._files)
            status, body = (404, b"There is no such file.\n") if missing else (200, _UNBUILT)
            kind = b"text/plain; charset=utf-8" if missing else b"text/html; charset=utf-8"
            await _answer(send, status, [(b"content-type", kind), (b"cache-control", _ASK)], body, head=head)
            return
        headers = dict(scope["headers"])
        common = [
            (b"etag", file.etag.encode()),
            (b"cache-control", _FOREVER if file.forever else _ASK),
            (b"vary", b"accept-encoding"),
        ]
        if headers.get(b"if-none-match", b"").decode("latin-1") == file.etag:
            await _answer(send, 304, common, None, head=True)
            return
        zipped = file.zipped if b"gzip" in headers.get(b"accept-encoding", b"") else None
        try:
            body = (zipped or file.path).read_bytes()
        except OSError:  # it is being built
            if file.path.name == "index.html":
                page = [(b"content-type", _TYPES[".html"].encode()), (b"cache-control", b"no-store")]
                await _answer(send, 503, [*page, (b"retry-after", b"2")], _BUILDING, head=head)
                return
            plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
            await _answer(send, 404, plain, b"This file is gone; reload the page.\n", head=head)
            return
        common.append((b"content-type", file.media_type.encode()))
        if zipped:
            common.append((b"content-encoding", b"gzip"))
        await _answer(send, 200, common, body, head=head)

    def _page(self, path: str) -> _File | None:
        """A page of the console is whatever does not look like a file."""
        return None if "." in path.rpartition("/")[2] else self._files.get("/index.html")


async def _answer(
    send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes | None, *, head: bool
) -> None:
    length = [] if body is None else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length, *_HARDENED]})
    await send({"type": "http.response.body", "body": b"" if head or body is None else body})


def _stamp(folder: Path) -> tuple[int, int] | None:
    """What is another one when the console was built anew: of its page, and of the folder of all that it loads. None
    while it is being built, or not built at all."""
    try:
        return (folder / "index.html").stat().st_mtime_ns, (folder / "assets").stat().st_mtime_ns
    except OSError:
        return None


def _index(folder: Path) -> dict[str, _File]:
    """Every file by its path in URLs. Links that lead out of the folder are not followed."""
    if not (folder / "index.html").is_file():
        return {}
    root = folder.resolve()
    found: dict[str, _File] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix != ".gz" and path.is_file() and _is_inside(path, root):
            found["/" + path.relative_to(folder).as_posix()] = _file(path, folder)
    return found


def _is_inside(path: Path, root: Path) -> bool:
    """Folders that are links are not walked through, so only a file may be one."""
    return not path.is_symlink() or path.resolve().is_relative_to(root)


def _file(path: Path, folder: Path) -> _File:
    zipped = path.with_name(path.name + ".gz")
    forever = path.relative_to(folder).parts[0] == "assets"
    return _File(
        path=path,
        media_type=_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        etag=_named(path) if forever else f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"',
        zipped=zipped if zipped.is_file() else None,
        forever=forever,
    )


def _named(path: Path) -> str:
    """The tag of a file whose name says what is in it, so that nobody asks for it twice: not worth reading it, which
    for all of them took each start of a server 15 ms of a processor."""
    seen = path.stat()
    return f'"{seen.st_size:x}-{seen.st_mtime_ns:x}"'
