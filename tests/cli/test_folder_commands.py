"""Config as code from the command line, against a real server."""

from pathlib import Path

from shells import Shell

from trimtab.cli.folder_text import markdown, terminal
from trimtab.sdk.folder_types import CostEstimate, FolderChange, FolderMistake, FolderPlan, FolderPromotion

PROMPT = "---\nname: greet\n---\nSay hello.\n"


def folder_of(place: Path, **files: str) -> Path:
    written = {"trimtab.yaml": "limits:\n  few: {measure: requests, bound: 5, window: day}\n", **files}
    written.setdefault("prompts/greet.prompt.md", PROMPT)
    written.setdefault("apps/helpdesk.yaml", "prompt: greet\nroute: fast\n")
    for name, text in written.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def test_a_folder_is_planned_applied_compared_and_exported(with_model: Shell, tmp_path: Path) -> None:
    shell = with_model
    project = shell.environment["TRIMTAB_PROJECT"]
    place = folder_of(tmp_path / "conf")
    at = (str(place), "-p", project)
    planned = shell.run("plan", *at, "--to", "staging", "--exit-code")
    assert planned.exit_code == 2, planned.output
    assert "+ limit few  (trimtab.yaml:2)" in planned.stdout
    assert "* release helpdesk r1" in planned.stdout
    assert "> helpdesk in staging: nothing -> r1" in planned.stdout
    assert "Cost of helpdesk, estimated: unknown. No call of it was recorded" in planned.stdout
    assert "\x1b[" not in planned.stdout
    asked = shell.run("apply", *at)
    assert (asked.exit_code, "nobody to ask" in asked.output) == (2, True)
    assert "Applied: 3 to add, 1 release, 1 promotion." in shell.ok("apply", *at, "--to", "staging", "-y", "-m", "Go")
    assert "Nothing to do" in shell.ok("apply", *at, "--to", "staging")
    assert "Nothing to do" in shell.ok("plan", *at, "--exit-code")
    shell.ok("limits", "set", "few", "--requests", "7", "--window", "day")
    compared = shell.run("diff", *at, "--exit-code")
    assert (compared.exit_code, "-bound: 7\n+bound: 5" in compared.stdout) == (2, True)
    drifted = shell.run("drift", "--exit-code")
    assert (drifted.exit_code, "few" in drifted.stdout) == (2, True)
    out = tmp_path / "out"
    assert str(out / "apps/helpdesk.yaml") in shell.ok("export", "config", "--out", str(out))
    assert "model fast" in shell.run("export", "config", "--out", str(tmp_path / "other")).stdout
    assert "fast" not in (tmp_path / "other/trimtab.yaml").read_text()
    shell.ok("export", "config", "--out", str(tmp_path / "all"), "--take")
    assert "fast:" in (tmp_path / "all/trimtab.yaml").read_text()
    assert (out / "prompts/greet.prompt.md").read_text().endswith("Say hello.\n")
    assert "Nothing to do" in shell.ok("plan", str(out), "--exit-code")
    (out / "trimtab.yaml").write_text("name: main\n")
    refused = shell.run("export", "config", "--out", str(out))
    assert (refused.exit_code, "would be overwritten" in refused.stderr) == (1, True)
    shell.ok("export", "config", "--out", str(out), "--force")
    assert "bound: 7" in (out / "trimtab.yaml").read_text()


def test_a_named_folder_is_exported_over_itself_under_its_own_name(with_model: Shell, tmp_path: Path) -> None:
    shell = with_model
    place = folder_of(tmp_path / "conf")
    declared = (place / "trimtab.yaml").read_text()
    (place / "trimtab.yaml").write_text(f"name: desk\n{declared}")
    shell.ok("apply", str(place), "-p", shell.environment["TRIMTAB_PROJECT"], "-y")
    shell.ok("limits", "set", "few", "--requests", "7", "--window", "day")
    shell.ok("export", "config", "--out", str(place), "--force")
    exported = (place / "trimtab.yaml").read_text()
    assert "name: desk" in exported
    assert "bound: 7" in exported
    assert "Nothing to do" in shell.ok("plan", str(place), "--exit-code")


def test_mistakes_are_told_with_their_places_with_and_without_a_server(with_model: Shell, tmp_path: Path) -> None:
    project = with_model.environment["TRIMTAB_PROJECT"]
    place = folder_of(tmp_path, **{"apps/helpdesk.yaml": "prompt: gret\nroute: fats\n", "trimtab.yaml": "nme: x\n"})
    alone = with_model.run("validate", str(place))
    assert alone.exit_code == 1
    assert "trimtab.yaml:1: Unknown key 'nme' in the folder. Did you mean 'name'?" in alone.stderr
    for command in ("plan", "apply", "diff"):
        told = with_model.run(command, str(place), "-p", project)
        assert told.exit_code == 1, told.output
        assert "apps/helpdesk.yaml:1: " in told.stderr
        assert "trimtab.yaml:1: Unknown key" in told.stderr
    folder_of(place, **{"trimtab.yaml": "", "apps/helpdesk.yaml": "route: fast\n"})
    assert "no mistakes" in with_model.ok("validate", str(place))
    assert with_model.json("validate", str(place))["mistakes"] == []
    assert with_model.json("validate", "--schema", "prompt")["title"] == "The front matter of a prompt"


COST = CostEstimate(
    app="helpdesk", days=7, calls=1200, tokens_in=90_000, tokens_out=12_000, recorded="1.5", before="1.25",
    after="2.5", before_model="lab/small", after_model="lab/large", prompt_tokens=-12, note="",
)  # fmt: skip
PLAN = FolderPlan(
    hash="3f9a1c2b7d4e" + "0" * 52,
    folder="main",
    project="default",
    to="staging",
    clean=False,
    changes=[
        FolderChange(action="change", kind="limit", name="few|more", path="trimtab.yaml", line=2,
                     words=["bound: 7 -> 5", "scope: <script> is new"], drifted=True),
    ],
    releases=[],
    promotions=[FolderPromotion(app="helpdesk", environment="staging", before=3, after=4,
                                lacking=["0 of 1 approvals are given."], fix="Ask somebody.", kind="canary")],
    costs=[COST],
    adopted=["model fast"],
    released=["route old"],
    mistakes=[FolderMistake(path="a.yaml", line=1, what="Wrong.", fix="Mend it.")],
)  # fmt: skip


def test_a_plan_reads_well_in_a_terminal_and_in_a_pull_request() -> None:
    text = "\n".join(terminal(PLAN))
    assert "helpdesk in staging: r3 -> r4 by a canary, and waits" in text
    assert "it was changed on the server since this folder was last applied" in text
    assert "$1.25 -> $2.50 a day (+100 %); at lab/large instead of lab/small; the prompt has about -12 tokens" in text
    assert "from 1,200 calls of the last 7 days (90,000 tokens in, 12,000 out), which cost $1.50 a day." in text
    told = "\n".join(markdown(PLAN))
    assert told.startswith("### Trimtab: 1 to change, 1 waiting promotion\n")
    assert "| change | limit `few\\|more` | bound: 7 -> 5<br>scope: &lt;script> is new<br>**it was changed" in told
    assert "- `a.yaml:1` Wrong. Mend it." in told
    assert "plan `3f9a1c2b7d4e`" in told
