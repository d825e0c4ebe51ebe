"""The quickstart of docs/releases.md, as it is written."""

import re
import shlex
from pathlib import Path

import pytest
from shells import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "releases.md").read_text()
QUICKSTART = PAGE.partition("## Quickstart")[2].partition("\n## ")[0]


def test_the_quickstart_works_as_written(
    with_model: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{with_model.server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", with_model.ok("keys", "create", "app").strip())
    said: list[str] = []
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+|^```python\n(?:.*\n)*?^```", QUICKSTART, re.MULTILINE):
        text = "\n".join(line.removeprefix("    ") for line in block.strip("\n").split("\n"))
        if text.startswith("---"):
            Path("support.prompt.md").write_text(text + "\n")
        elif text.startswith("```python"):
            exec(text.removeprefix("```python").removesuffix("```"), {})
        else:
            said += [with_model.ok(*shlex.split(line)[1:]) for line in text.split("\n") if line]
    assert len(said) == 10
    assert capsys.readouterr().out.strip(), "the app answered"
    told = "\n".join(said)
    for words in re.findall(r"`diff` says: (.*)\. And back", QUICKSTART)[0].split("`, `"):
        assert words.strip("`") in told
    status = with_model.json("release", "list", "support")
    assert [(each["ref"], each["runs_in"]) for each in status] == [("r2", []), ("r1", ["production"])]
