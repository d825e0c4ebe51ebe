"""`trimtab prompts` against a real server: files go there and come back, and nobody's change is lost."""

import json
from pathlib import Path

import httpx
import pytest
from live import ADMIN
from shells import Shell

from trimtab.sdk import Client

SUPPORT = (
    '---\nname: support\nfolder: desk\nvariables: {who: string}\n---\n@system\nHi {{ who }}. {% include "tone" %}\n'
)


def test_prompts_are_pushed_pulled_changed_and_told_apart(shell: Shell, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    (ours / "a-support.prompt.md").write_text(SUPPORT)
    (ours / "tone.prompt.md").write_text("Be kind.\n")
    assert "would be version 1" in shell.ok("prompts", "push", str(ours / "tone.prompt.md"), "--dry-run")
    assert [each["name"] for each in shell.json("prompts", "push", str(ours), "-m", "first")] == ["tone", "support"]
    assert "has not changed" in shell.ok("prompts", "push", str(ours))
    shell.ok("prompts", "pull", "--to", str(theirs))
    pulled = theirs / "desk" / "support.prompt.md"
    assert shell.ok("prompts", "show", "support") == pulled.read_text()
    pulled.write_text(pulled.read_text().replace("Hi", "Good day"))
    assert shell.json("prompts", "push", str(pulled))[0]["version"] == 2
    late = ours / "a-support.prompt.md"
    late.write_text(SUPPORT.replace("Hi", "Hey"))
    refused = shell.run("prompts", "push", str(late))
    assert refused.exit_code == 1
    assert "version 2 now; yours was made from version 1" in refused.stderr
    assert "is now version 3" in shell.ok("prompts", "push", str(late), "--force")
    told = shell.ok("prompts", "diff", "support", "2", "3")
    assert "- Good day" in told
    assert "+ Hey" in told
    assert [each["version"] for each in shell.json("prompts", "history", "support")] == [3, 2, 1]
    assert shell.json("prompts", "label", "support", "production", "2")["version"] == 2
    assert "Good day Ada. Be kind." in shell.ok(
        "prompts", "render", "support", "--version", "production", "-v", "who=Ada"
    )
    assert "Hey" in shell.ok("prompts", "blame", "support")
    assert "production=2" in shell.ok("prompts", "list", "-q", "hey")
    shell.ok("prompts", "archive", "tone")
    assert [each["name"] for each in shell.json("prompts", "list")] == ["support"]


def test_foreign_files_become_ours(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "basic.prompty").write_text("---\nname: Basic\n---\nsystem:\nHi {{who}}\n")
    (tmp_path / "movie.json").write_text(json.dumps({"type": "text", "prompt": "Rate {{movie}}"}))
    to = tmp_path / "prompts"
    told = shell.json(
        "prompts", "import", str(tmp_path / "basic.prompty"), str(tmp_path / "movie.json"), "--to", str(to)
    )
    assert [each["name"] for each in told] == ["basic", "movie"]
    shell.ok("prompts", "push", str(to))
    assert "Rate Dune" in shell.ok("prompts", "render", "movie", "-v", "movie=Dune")
    wrong = shell.run("prompts", "render", "movie", "-v", "film=Dune")
    assert wrong.exit_code == 1
    assert "no variable 'film'" in wrong.stderr


def test_a_mistake_in_a_file_is_told_with_its_place(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "a.prompt.md"
    file.write_text("---\nname: a\nvariabels: {}\n---\nhi")
    refused = shell.run("prompts", "push", str(file))
    assert refused.exit_code == 1
    assert f"{file}: line 3" in refused.stderr


def test_an_application_renders_what_was_pushed_and_goes_on_when_the_server_is_away(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIMTAB_PROMPT_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "hello.prompt.md"
    file.write_text("---\nvariables: {who: string}\n---\nHello {{ who }}")
    shell.ok("prompts", "push", str(file))
    project = shell.environment["TRIMTAB_PROJECT"]
    with Client(shell.server.url, ADMIN) as client:
        found = client.prompt("hello", project=project)
        assert found.render(who="Ada").messages == [{"role": "user", "content": "Hello Ada"}]
        assert (found.version, found.origin) == (1, "server")
    # The same address, where nothing answers any more: what the disk keeps is found by it.
    with Client(shell.server.url, ADMIN) as client, pytest.MonkeyPatch.context() as gone:
        gone.setattr(httpx.Client, "request", _nobody)
        found = client.prompt("hello", project=project)
        assert found.render(who="Bob").messages[0]["content"] == "Hello Bob"
        assert (found.version, found.origin) == (1, "disk")


def _nobody(*_: object, **__: object) -> None:
    raise httpx.ConnectError("nobody there")
