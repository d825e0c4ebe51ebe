"""`trimtab apps` and `trimtab release` against a real server: a draft is made, frozen, compared and shown."""

from pathlib import Path

import httpx
from live import ADMIN
from shells import Shell

from patience import PATIENCE_S
from trimtab.sdk import Client

SUPPORT = (
    "---\nname: support\nvariables: {who: string}\nparameters: {temperature: 0.2}\n---\n"
    "@system\nBe brief.\n\n@user\n{{ who }}\n"
)


def test_an_app_is_set_released_changed_and_compared(with_model: Shell, tmp_path: Path) -> None:
    shell = with_model
    prompt = tmp_path / "support.prompt.md"
    prompt.write_text(SUPPORT)
    shell.ok("prompts", "push", str(prompt))
    assert "trimtab apps set" in shell.ok("apps", "list")
    told = shell.ok("apps", "set", "support", "--prompt", "support", "--route", "fast")
    assert "revision 1" in told
    assert "It has no release yet: trimtab release create support" in told
    assert "support r1 would be made" in shell.ok("release", "create", "support", "--dry-run")
    made = shell.ok("release", "create", "support", "-m", "first")
    assert "support r1 is made" in made
    assert "Uses the prompt support@1" in made
    assert "has that content already" in shell.ok("release", "create", "support")
    prompt.write_text(SUPPORT.replace("Be brief.", "Be brief.\nBe kind."))
    shell.ok("prompts", "push", str(prompt))
    shell.ok("apps", "set", "support", "--param", "temperature=0.7", "--policy", "refund_limit=50", "-v", "who=Ada")
    told = shell.ok("release", "diff", "support")
    assert "support: r1 -> draft" in told
    for words in (
        "Temperature raised from 0.2 to 0.7", "The system message changed (1 line)", "+ Be kind.",
        "The prompt support went from version 1 to 2", "New rule: refund_limit is 50", 'who is always "Ada"',
    ):  # fmt: skip
        assert words in told
    second = shell.json("release", "create", "support", "-m", "kinder")
    assert (second["created"], second["release"]["ref"], second["release"]["parent"]) == (True, "r2", 1)
    assert [each["ref"] for each in shell.json("release", "list", "support")] == ["r2", "r1"]
    assert "kinder" in shell.ok("release", "list", "support")
    assert "made from r1" in shell.ok("release", "show", "support", "2")
    assert shell.json("release", "show", "support", "r1")["content"]["parameters"] == {"temperature": 0.2}
    assert "Temperature lowered from 0.7 to 0.2" in shell.ok("release", "diff", "support", "r2", "r1")
    assert "No difference." in shell.ok("release", "diff", "support", "r2", "latest")
    shell.ok("apps", "archive", "support")
    assert shell.json("apps", "list") == []
    refused = shell.run("release", "create", "support")
    assert refused.exit_code == 1
    assert "archive support --restore" in refused.stderr
    assert "in use" in shell.ok("apps", "archive", "support", "--restore")


def test_a_draft_comes_from_a_file_and_parts_of_it_are_taken_out(with_model: Shell, tmp_path: Path) -> None:
    shell = with_model
    file = tmp_path / "desk.yaml"
    file.write_text("name: desk\nroute: {node: fallback, of: [fast, lab/big]}\nparameters: {seed: 1, stop: [a]}\n")
    made = shell.json("apps", "set", "desk", "--file", str(file), "--param", "seed=2")
    assert made["spec"]["parameters"] == {"seed": 2, "stop": ["a"]}
    assert "a tree (fallback)" in shell.ok("apps", "list")
    after = shell.json("apps", "set", "desk", "--unset", "parameters.seed", "--unset", "parameters.stop")
    assert "parameters" not in after["spec"]
    assert "No release can be made" in shell.ok("apps", "set", "desk", "--route", "nobody")
    assert "no model or route 'nobody'" in shell.ok("apps", "show", "desk")
    assert "no model or route 'nobody'" in shell.run("release", "create", "desk").stderr
    for wrong, words in (
        (("--unset", "prompt"), "no 'prompt' to take out"), (("--param", "seed"), "NAME=VALUE"),
        (("--expect", "1", "--route", "fast"), "revision 3 now"),
    ):  # fmt: skip
        refused = shell.run("apps", "set", "desk", *wrong)
        assert refused.exit_code == 1
        assert words in refused.stderr
    assert "names another app" in shell.run("apps", "set", "other", "--file", str(file)).stderr


def test_a_program_reads_apps_and_makes_releases(with_model: Shell) -> None:
    project = with_model.environment["TRIMTAB_PROJECT"]
    with Client(with_model.server.url, ADMIN) as client:
        client.apps.put(project, "desk", {"route": "fast"}, expected_revision=0)
        made = client.release("desk", "go", project=project)
        assert (made.created, made.release.ref, made.release.changes) == (True, "r1", ["Answered by fast"])
        assert client.releases.get(project, "desk").content["models"]["fast"]["upstream"] == "gpt-4o-mini"
        assert client.releases.diff(project, "desk").changes == []
        assert [each.name for each in client.apps.list(project)] == ["desk"]


def test_a_release_goes_on_when_its_model_is_gone(with_model: Shell) -> None:
    """Its leaves are pinned to the provider and the provider's own id."""
    shell = with_model
    shell.ok("apps", "set", "desk", "--route", "fast")
    shell.ok("release", "create", "desk")
    shell.ok("release", "promote", "desk", "r1")
    key = shell.ok("keys", "create", "app").strip()

    def ask(model: str) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        where = f"{shell.server.url}/v1/chat/completions"
        return httpx.post(where, json=body, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_S)

    assert ask("desk").status_code == 200
    shell.ok("models", "remove", "fast")
    assert ask("fast").status_code == 404
    for name in ("desk", "desk@production"):
        answer = ask(name)
        assert answer.status_code == 200, answer.text
    assert ask("desk@r1").json()["error"]["code"] == "release_call_forbidden"
    refused = shell.run("release", "create", "desk")
    assert "no model or route 'fast'" in refused.stderr
    shell.ok("apps", "archive", "desk")
    assert ask("desk").json()["error"]["code"] == "app_archived"
    shell.ok("apps", "archive", "desk", "--restore")
    assert ask("desk").status_code == 200


def test_an_apps_corpora_are_named_and_what_is_missing_is_told(with_model: Shell) -> None:
    shell = with_model
    shell.ok("apps", "set", "reader", "--route", "fast", "--knowledge", "handbook", "--knowledge", "law@3",
             "--knowledge", "news@follow")  # fmt: skip
    shown = shell.json("apps", "show", "reader")
    assert shown["spec"]["knowledge"] == [
        "handbook", {"corpus": "law", "version": 3}, {"corpus": "news", "follow": True}
    ]  # fmt: skip
    assert "names the corpus 'handbook', which this project has not" in shown["trouble"]
    wrong = shell.run("apps", "set", "reader", "--knowledge", "law@newest")
    assert wrong.exit_code != 0
    assert "law@follow" in wrong.output
