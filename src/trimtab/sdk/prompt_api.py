"""`Client.prompts`: prompts, their versions and labels. To render them in an application use `Client.prompt`."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from trimtab.sdk import prompt_types as p
from trimtab.sdk.connection import Connection, path


class _Prompts(Struct):
    items: list[p.PromptInfo] = []
    cursor: str | None = None


class _Versions(Struct):
    items: list[p.PromptVersion] = []
    cursor: str | None = None


class Prompts:
    """``ref`` is a version's number, a label, or ``latest``."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(
        self, project: str, *, q: str = "", folder: str = "", label: str = "", archived: bool = False
    ) -> Iterator[p.PromptInfo]:
        """In order of name. ``archived``: only those put away."""
        query: dict[str, str | int | None] = {"q": q, "folder": folder, "label": label, "limit": 500}
        query["archived"] = "true" if archived else None
        while True:
            page = self._http.ask("GET", path("projects", project, "prompts"), _Prompts, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def get(self, project: str, name: str) -> p.PromptInfo:
        return self._http.ask("GET", path("projects", project, "prompts", name), p.PromptInfo)

    def version(self, project: str, name: str, ref: str = "latest") -> p.PromptDetail:
        return self._http.ask("GET", path("projects", project, "prompts", name, "versions", ref), p.PromptDetail)

    def history(self, project: str, name: str) -> Iterator[p.PromptVersion]:
        """Newest first."""
        cursor: str | None = None
        while True:
            where = path("projects", project, "prompts", name, "versions")
            page = self._http.ask("GET", where, _Versions, query={"cursor": cursor, "limit": 500})
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return

    def push(self, project: str, name: str, file: str, **more: Any) -> p.Pushed:
        """``file`` is a prompt as a file says it. ``more``: ``message``, ``folder``, ``expected_version`` (0 for a
        prompt that is to be new; raises `Conflict` where another version came first), ``dry_run``."""
        where = path("projects", project, "prompts", name, "versions")
        return self._http.ask("POST", where, p.Pushed, body={"file": file, **more})

    def place(
        self,
        project: str,
        name: str,
        *,
        folder: str | None = None,
        archived: bool | None = None,
        expected_version: int | None = None,
        expected_folder: str | None = None,
    ) -> p.PromptInfo:
        """Move it to a folder, put it away or take it out again. Raises `Conflict` where its newest version or its
        folder is another by now than is expected."""
        where = path("projects", project, "prompts", name)
        expected = {"expected_version": expected_version, "expected_folder": expected_folder}
        return self._http.ask("PATCH", where, p.PromptInfo, body={"folder": folder, "archived": archived, **expected})

    def diff(self, project: str, name: str, before: str = "", after: str = "latest") -> p.PromptDiff:
        """Without ``before``, from the version that ``after`` was made from."""
        where = path("projects", project, "prompts", name, "diff")
        return self._http.ask("GET", where, p.PromptDiff, query={"before": before, "after": after})

    def blame(self, project: str, name: str, ref: str = "latest") -> p.PromptBlame:
        return self._http.ask("GET", path("projects", project, "prompts", name, "blame", ref), p.PromptBlame)

    def label(
        self, project: str, name: str, label: str, version: int, *, expected_version: int | None = None
    ) -> p.PromptLabel:
        """Point a label at a version. ``expected_version`` is where it points now, 0 for nowhere."""
        where = path("projects", project, "prompts", name, "labels", label)
        body = {"version": version, "expected_version": expected_version}
        return self._http.ask("PUT", where, p.PromptLabel, body=body)

    def unlabel(self, project: str, name: str, label: str, *, expected_version: int | None = None) -> None:
        """``expected_version`` is where it points now: `Conflict` where somebody moved it."""
        self._http.ask(
            "DELETE",
            path("projects", project, "prompts", name, "labels", label),
            type(None),
            query={"expected_version": expected_version},
        )

    def render(
        self, project: str, name: str, variables: dict[str, Any], *, ref: str = "latest", file: str | None = None
    ) -> p.RenderedPrompt:
        """On the server. ``file`` renders that text instead of what is stored."""
        where = path("projects", project, "prompts", name, "render")
        return self._http.ask("POST", where, p.RenderedPrompt, body={"variables": variables, "ref": ref, "file": file})

    def convert(self, project: str, name: str, format_name: str, text: str) -> p.Converted:
        """A prompt of ``langfuse``, ``prompty`` or ``dotprompt`` in our form; nothing is saved."""
        where = path("projects", project, "prompts", name, "convert")
        return self._http.ask("POST", where, p.Converted, body={"format": format_name, "text": text})
