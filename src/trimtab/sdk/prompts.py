"""Prompts in an application: ``prompt("support").render(customer="Ada")``.

A prompt is fetched once, with all that it includes, and rendered here, by the code that the server renders with. It is
kept in memory and, as the last one known, on disk; after ``refresh_s`` the next use has it fetched anew in the
background while the one at hand goes on being used. So no rendering waits for the server but the first, and
where that cannot be reached the first takes what the disk has, or the file that the application ships.
"""

import hashlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest, RateLimited, TrimtabError
from trimtab.sdk.connection import Connection, path

if TYPE_CHECKING:
    from trimtab.prompts.render import Compiled, Rendered

logger = logging.getLogger("trimtab.sdk")
REFRESH_S: Final = 60.0
PATIENCE_S: Final = 10.0
"""How long a failed refresh is left alone."""
Origin = Literal["server", "disk", "file"]


class Kept(Struct, frozen=True):
    """``origin``: the server; the disk, where the last one known was kept; or a file that the application ships."""

    compiled: Any
    origin: Origin


class Prompt:
    """One prompt at one reference, always at hand. Made by `PromptCache.get`; safe to share between threads."""

    def __init__(self, name: str, ref: str, kept: Kept, clock: Callable[[], float]) -> None:
        self._name = name
        self._ref = ref
        self._clock = clock
        self.keep(kept)

    def keep(self, kept: Kept) -> None:
        self._kept = kept
        self.since = self._clock()

    @property
    def compiled(self) -> "Compiled":
        return self._kept.compiled

    @property
    def name(self) -> str:
        return self._name

    @property
    def version(self) -> int:
        """0 of one that was read from a file."""
        return self.compiled.bundle.prompt.version

    @property
    def hash(self) -> str:
        return self.compiled.bundle.prompt.hash

    @property
    def origin(self) -> Origin:
        return self._kept.origin

    def render(self, **variables: Any) -> "Rendered":
        """``messages`` for a chat model, with ``parameters``, ``tools`` and ``output_schema``, and ``name``,
        ``version`` and ``hash`` for a trace. Raises `PromptError`: which variable, which message and line."""
        return self.compiled.render(variables)


class PromptCache:
    """The prompts of one project. ``folder`` is where the last known ones are kept; ``shipped`` has files as ``support.
    prompt.md`` to fall back on. ``clock`` gives seconds; ``run`` starts something in the background."""

    def __init__(
        self,
        http: Connection,
        project: str,
        *,
        folder: Path | None,
        shipped: Path | None = None,
        refresh_s: float = REFRESH_S,
        clock: Callable[[], float] = time.monotonic,
        run: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._http = http
        self._project = project
        self._folder = folder
        self._shipped = shipped
        self._refresh_s = refresh_s
        self._clock = clock
        self._run = run or _in_background
        self._lock = threading.Lock()
        self._prompts: dict[tuple[str, str], Prompt] = {}
        self._refreshing: set[tuple[str, str]] = set()

    def get(self, name: str, ref: str = "latest") -> Prompt:
        """The prompt at a version's number, a label or ``latest``. Raises `NotFound`, and `Unreachable` where neither
        server nor disk nor file has it."""
        key = (name, ref)
        with self._lock:
            found = self._prompts.get(key)
        if found is None:
            made = Prompt(name, ref, self._first(name, ref), self._clock)
            with self._lock:
                found = self._prompts.setdefault(key, made)
            if found.origin != "server":
                found.since = self._clock() - self._refresh_s + PATIENCE_S
        elif self._clock() - found.since >= self._refresh_s:
            self._refresh(key, found)
        return found

    def _first(self, name: str, ref: str) -> Kept:
        try:
            return self._fetched(name, ref)
        except TrimtabError as error:
            if not _is_away(error):
                raise
            kept = self._from_disk(name, ref) or self._from_file(name)
            if kept is None:
                raise
            logger.warning("the prompt %s comes from %s: %s", name, kept.origin, error.message)
            return kept

    def _fetched(self, name: str, ref: str) -> Kept:
        from trimtab.prompts.types import Bundle

        bundle = self._http.ask("GET", path("projects", self._project, "prompts", name, "bundles", ref), Bundle)
        kept = Kept(_compiled(bundle), "server")
        self._to_disk(name, ref, msgspec.json.encode(bundle))
        return kept

    def _refresh(self, key: tuple[str, str], found: Prompt) -> None:
        """One at a time for each prompt; the one at hand stays in use until it is there."""
        with self._lock:
            if key in self._refreshing:
                return
            self._refreshing.add(key)

        def work() -> None:
            try:
                found.keep(self._fetched(*key))
            except TrimtabError as error:
                found.since = self._clock() - self._refresh_s + PATIENCE_S
                logger.warning("the prompt %s stays as it is: %s", key[0], error.message)
            finally:
                with self._lock:
                    self._refreshing.discard(key)

        self._run(work)

    # --- disk and files ---

    def _place(self, name: str, ref: str) -> Path | None:
        if self._folder is None:
            return None
        where = f"{self._http.url}\n{self._project}\n{name}\n{ref}"
        return self._folder / f"{hashlib.sha256(where.encode()).hexdigest()[:32]}.json"

    def _to_disk(self, name: str, ref: str, content: bytes) -> None:
        place = self._place(name, ref)
        if place is None:
            return
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(dir=place.parent, suffix=".new")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).replace(place)
        except OSError as error:  # a full or read-only disk costs the fallback, not the prompt
            logger.warning("the prompt %s could not be kept on disk: %s", name, error)

    def _from_disk(self, name: str, ref: str) -> Kept | None:
        from trimtab.prompts.types import Bundle

        place = self._place(name, ref)
        if place is None or not place.exists():
            return None
        try:
            return Kept(_compiled(msgspec.json.decode(place.read_bytes(), type=Bundle)), "disk")
        except (OSError, msgspec.DecodeError, InvalidRequest) as error:
            logger.warning("what is kept of the prompt %s cannot be read: %s", name, error)
            return None

    def _from_file(self, name: str) -> Kept | None:
        """The file and those that it includes, whatever version of them is asked for."""
        from trimtab.prompts.canonical import content_hash
        from trimtab.prompts.check import gather
        from trimtab.prompts.file import read
        from trimtab.prompts.types import SUFFIX, PromptError, Reference, Source

        folder = self._shipped
        if folder is None or not (folder / f"{name}{SUFFIX}").is_file():
            return None

        def source(reference: Reference) -> Source:
            file = folder / f"{reference.name}{SUFFIX}"
            try:
                found = read(file.read_text(encoding="utf-8"), reference.name)
            except (OSError, UnicodeDecodeError) as error:
                raise PromptError(f"{file} cannot be read: {error}.", fix="Ship it, too.") from error
            return Source(name=reference.name, version=0, hash=content_hash(found.content), content=found.content)

        return Kept(_compiled(gather(source(Reference(name)), source)), "file")


def _compiled(bundle: Any) -> Any:
    from trimtab.prompts.render import Compiled

    return Compiled(bundle)


def _is_away(error: TrimtabError) -> bool:
    """Whether the server said nothing about the prompt; a refused key or a prompt that is not there is an answer."""
    return error.status >= 500 or isinstance(error, RateLimited)


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="trimtab-prompts", daemon=True).start()


def default_folder() -> Path | None:
    """``TRIMTAB_PROMPT_CACHE``, else below the user's cache folder; None where that is set to nothing."""
    said = os.environ.get("TRIMTAB_PROMPT_CACHE")
    if said is not None:
        return Path(said) if said else None
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trimtab" / "prompts"
