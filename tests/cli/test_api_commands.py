"""The commands that talk to a server, against a real one."""

import secrets
import shutil
import time
from pathlib import Path

import httpx
import pytest
from live import until
from shells import Shell, call

from patience import PATIENCE_S
from trimtab.cli.base import Failure, files_told
from trimtab.cli.traces import print_sources
from trimtab.sdk import types as t


def test_projects_are_created_and_listed(shell: Shell) -> None:
    slug = f"{shell.environment['TRIMTAB_PROJECT']}-x"
    assert slug in shell.ok("projects", "create", slug, "--no-content")
    listed = {project["slug"]: project for project in shell.json("projects", "list")}
    assert listed[slug]["capture_content"] is False
    assert slug in shell.ok("projects", "list")


def test_a_new_keys_secret_alone_is_on_standard_output(shell: Shell) -> None:
    done = shell.run("keys", "create", "app", "--expires", "1d")
    secret = done.stdout.strip()
    assert secret.startswith("tt_")
    assert "\n" not in secret
    assert "not shown again" in done.stderr
    (key,) = shell.json("keys", "list")
    assert key["expires"] - key["created"] == pytest.approx(86_400_000, abs=5_000)
    assert secret not in shell.ok("keys", "list")


def test_a_key_is_bound_to_a_priority(shell: Shell) -> None:
    assert shell.json("keys", "create", "nightly", "--priority", "low")["key"]["priority"] == "low"
    assert shell.json("keys", "create", "app")["key"]["priority"] == "high"
    assert shell.run("keys", "create", "app", "--priority", "highest").exit_code == 2


def test_a_key_takes_the_place_of_one_that_is_named(shell: Shell) -> None:
    former = shell.json("keys", "create", "shop")["key"]
    assert former["replaces"] is None
    assert shell.json("keys", "create", "shop new", "--replaces", "shop")["key"]["replaces"] == former["id"]
    assert shell.run("keys", "create", "shop new", "--replaces", "key_none").exit_code == 1


def test_a_key_is_revoked(shell: Shell) -> None:
    issued = shell.json("keys", "create", "app", "--role", "read_only")
    shell.ok("keys", "revoke", issued["key"]["id"])
    (key,) = shell.json("keys", "list")
    assert (key["role"], key["state"]) == ("read_only", "revoked")


def test_keys_are_listed_by_words_and_state(shell: Shell) -> None:
    ids = {name: shell.json("keys", "create", name)["key"]["id"] for name in ("shop web", "shop nightly", "other")}
    shell.ok("keys", "revoke", ids["shop nightly"])
    assert [key["name"] for key in shell.json("keys", "list", "-q", "shop")] == ["shop nightly", "shop web"]
    assert [key["name"] for key in shell.json("keys", "list", "-q", "shop", "--state", "active")] == ["shop web"]
    assert [key["name"] for key in shell.json("keys", "list", "--state", "ended")] == ["shop nightly"]
    assert "No key fits." in shell.ok("keys", "list", "-q", "nobody")


def test_a_key_is_revoked_by_its_name_or_by_what_leaked_of_it(shell: Shell) -> None:
    """Who finds a secret in a log knows neither the key's name nor its id."""
    secret = shell.run("keys", "create", "leaky").stdout.strip()
    first, second = (shell.json("keys", "create", name)["key"]["id"] for name in ("twin", "twin"))
    named = shell.run("keys", "revoke", "twin")
    assert named.exit_code == 1
    assert first in named.stderr
    assert second in named.stderr
    told = shell.run("keys", "revoke", secret)
    assert told.exit_code == 0
    assert "trimtab traces list -q key:key_" in told.stderr
    assert secret not in told.stdout + told.stderr
    assert "No key in force begins so" in shell.run("keys", "revoke", secret[:9]).stderr
    shell.ok("keys", "revoke", first)
    assert second in shell.ok("keys", "revoke", "twin")
    assert {key["state"] for key in shell.json("keys", "list")} == {"revoked"}
    assert "is called 'nobody'" in shell.run("keys", "revoke", "nobody").stderr
    assert "No key in force begins so" in shell.run("keys", "revoke", "tt_").stderr


def test_an_empty_list_says_what_to_do(shell: Shell) -> None:
    assert "trimtab keys create" in shell.ok("keys", "list")
    assert "trimtab models add" in shell.ok("models", "list")
    assert "trimtab providers add" in shell.ok("providers", "list")
    assert "Widen" in shell.ok("traces", "list")


def test_a_providers_key_is_read_from_a_variable_and_never_shown(shell: Shell) -> None:
    shell.ok("providers", "add", "openai", "--kind", "openai", "--key-env", "SOME_KEY", SOME_KEY="sk-secret-abcd")
    told = shell.ok("providers", "list") + shell.ok("providers", "list", "--json")
    assert "sk-secret" not in told
    assert "abcd" in told


def test_a_variable_that_is_not_set_is_told_before_anything_is_made(shell: Shell) -> None:
    done = shell.run("providers", "add", "openai", "--kind", "openai", "--key-env", "NOT_SET_ANYWHERE")
    assert done.exit_code == 1
    assert "NOT_SET_ANYWHERE" in done.stderr
    assert shell.json("providers", "list") == []


def test_a_model_is_added_tested_and_removed(with_model: Shell) -> None:
    assert "fast" in with_model.ok("models", "list")
    assert with_model.json("models", "test", "fast")["ok"] is True
    with_model.ok("models", "remove", "fast")
    assert with_model.json("models", "list") == []


def test_a_provider_and_a_model_are_changed_in_place_and_removed(with_model: Shell) -> None:
    with_model.ok("models", "change", "fast", "--upstream", "gpt-4o", "--price", "1", "2")
    (fast,) = with_model.json("models", "list")
    assert (fast["upstream"], fast["price"]["input"], fast["provider"]) == ("gpt-4o", "1", "lab")
    with_model.ok("models", "change", "fast", "--book-price")
    (fast,) = with_model.json("models", "list")
    assert fast["price"]["known"] is False  # no book has prices of a server of one's own
    with_model.ok("providers", "change", "lab", "--key-env", "LAB_KEY", LAB_KEY="sk-another-secret-wxyz")
    (lab,) = with_model.json("providers", "list")
    assert lab["key_hint"] == "wxyz"
    assert with_model.json("models", "test", "fast")["ok"] is True
    assert "in use by the model 'fast'" in with_model.run("providers", "remove", "lab").stderr
    assert "Nothing is to be changed" in with_model.run("providers", "change", "lab").stderr
    assert "Nothing is to be changed" in with_model.run("models", "change", "fast").stderr
    with_model.ok("models", "remove", "fast")
    with_model.ok("providers", "remove", "lab")
    assert with_model.json("providers", "list") == []


def test_a_providers_kept_key_and_headers_are_given_again_with_another_address(shell: Shell) -> None:
    given = ("--key-env", "LAB_KEY", "--header", "x-team-token=env:TEAM", "--header", "x-region=eu")
    secrets = {"LAB_KEY": "sk-secret-abcd-efgh", "TEAM": "team-token"}
    shell.ok("providers", "add", "lab", "--base-url", "http://127.0.0.1:9/v1", *given, **secrets)
    moved = ("providers", "change", "lab", "--base-url", "http://127.0.0.1:10/v1")
    refused = shell.run(*moved)
    assert refused.exit_code == 1
    assert "'api_key', 'headers.x-team-token' are missing" in refused.stderr
    assert "headers.x-team-token" in shell.run(*moved, "--key-env", "LAB_KEY", **secrets).stderr
    shell.ok(*moved, "--key-env", "LAB_KEY", "--no-headers", **secrets)
    (lab,) = shell.json("providers", "list")
    assert (lab["base_url"], lab["key_hint"]) == ("http://127.0.0.1:10/v1", "efgh")
    both = shell.run(*moved, "--no-headers", "--header", "a=b")
    assert "Headers are given, and none are wanted" in both.stderr


def test_a_model_without_a_known_price_is_told_so(with_model: Shell) -> None:
    told = with_model.ok("models", "add", "odd", "--provider", "lab", "--upstream", "nobody-prices-this")
    assert "price is not known" in told
    assert "trimtab models change odd --price" in told
    assert "unknown" in with_model.ok("models", "list")


def test_a_model_that_fails_its_test_exits_with_1(with_model: Shell) -> None:
    with_model.ok("models", "add", "bad", "--provider", "lab", "--upstream", "gpt-4o-mini?fault=401")
    done = with_model.run("models", "test", "bad")
    assert done.exit_code == 1
    assert done.stderr.startswith("bad: ")
    with_model.ok(
        "models", "add", "worse", "--provider", "lab", "--upstream", "gpt-4o-mini?fault=401", "--fallback", "fast"
    )
    done = with_model.run("models", "test", "worse")
    assert done.exit_code == 1
    assert done.stderr.startswith("worse: fallback_answered: worse did not answer; fast, which it falls back to, did.")


def test_a_trace_is_found_and_shown(with_model: Shell) -> None:
    trace_id = call(with_model, **{"trimtab-feature": "greeting"})
    listed = with_model.ok("traces", "list", "-q", "feature:greeting", "--last", "1h")
    assert trace_id in listed
    shown = with_model.ok("traces", "show", trace_id)
    assert "Hello there" in shown
    assert "chosen" in shown
    assert "Hello there" not in with_model.ok("traces", "show", trace_id, "--no-content")
    value = with_model.json("traces", "show", trace_id)
    assert value["trace"]["trace_id"] == trace_id
    assert value["io"]["input"][-1]["parts"][0]["text"] == "Hello there"


def test_a_trace_whose_root_has_not_come_is_shown_as_being_updated_until_it_has(shell: Shell) -> None:
    key = shell.ok("keys", "create", "app").strip()
    root, leaf = "a" * 16, "b" * 16

    def send(trace: str, span: str, parent: str) -> None:
        now = time.time_ns()
        told = {"traceId": trace, "spanId": span, "parentSpanId": parent, "name": "step", "kind": 1}
        told |= {"startTimeUnixNano": str(now - 10**9), "endTimeUnixNano": str(now)}
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [told]}]}]}
        headers = {"authorization": f"Bearer {key}"}
        httpx.post(f"{shell.server.url}/v1/traces", json=body, headers=headers, timeout=PATIENCE_S).raise_for_status()
        shell.server.settled()

    trace = ""
    for _ in range(5):  # after 30 s it is shown without its root: a crowded machine may need longer to look
        trace = secrets.token_hex(16)
        send(trace, leaf, root)
        if shell.json("traces", "show", trace)["trace"]["updating"] is not None:
            break
    assert "more of it came than is shown" in shell.ok("traces", "show", trace)
    send(trace, root, "")
    until(
        lambda: shell.json("traces", "show", trace)["trace"]["updating"] is None, PATIENCE_S, lambda: "it still waits"
    )
    assert "more of it came" not in shell.ok("traces", "show", trace)


def test_the_sources_of_an_answer_are_shown_by_their_numbers_with_why_each_was_allowed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = t.KnowledgeLine(
        corpus="handbook", version=3, follow=False, mode="hybrid", found=3, used=2, failed="", remarks=[], span_id="s"
    )
    trace = t.Trace(
        trace_id="1", spans=[], tokens=t.Tokens(), cost=None, unpriced=0, started=0.0, duration=1.0, decision=[],
        metadata={}, knowledge=[line],
    )  # fmt: skip
    documents = [
        {"number": 0, "id": "secret.md", "score": 0.9, "left_out": "The guard g@1 would block."},
        {"number": 2, "id": "salaries.md", "score": 0.4, "left_out": "", "allowed": "group:people"},
        {"number": 1, "id": "refunds.md", "score": 0.5, "left_out": "", "allowed": ""},
    ]
    io = t.SpanIO(captured=True, input=[], output=[], tools=[], params={"documents": documents}, truncated=False)
    print_sources(trace, [io])
    rows = [line.rstrip().split(None, 4) for line in capsys.readouterr().out.splitlines() if "handbook@3" in line]
    assert [(row[0], row[2], row[4]) for row in rows] == [
        ("1", "refunds.md", "open to whoever may search"),
        ("2", "salaries.md", "allowed by group:people"),
        ("-", "secret.md", "The guard g@1 would block."),
    ]


def test_a_limit_is_kept(with_model: Shell) -> None:
    for _ in range(3):
        call(with_model)
    assert len(with_model.json("traces", "list", "--limit", "2")) == 2


def test_a_search_that_does_not_parse_says_where(with_model: Shell) -> None:
    done = with_model.run("traces", "list", "-q", "stat:error")
    assert done.exit_code == 1
    assert "->" in done.stderr


def test_a_trace_that_is_not_there_exits_with_1(shell: Shell) -> None:
    done = shell.run("traces", "show", "0" * 31 + "1")
    assert done.exit_code == 1
    assert "0001" in done.stderr


def test_a_wrong_key_exits_with_4(shell: Shell) -> None:
    done = shell.run("keys", "list", TRIMTAB_ADMIN_KEY="tt_not-a-key-of-this-server")
    assert done.exit_code == 4
    assert "TRIMTAB_ADMIN_KEY" in done.stderr


def test_resilience_is_set_shown_and_removed_and_targets_are_seen(with_model: Shell) -> None:
    shell = with_model
    assert "by the defaults" in shell.ok("resilience", "list")
    assert "model fast" in shell.ok("resilience", "set", "model", "fast", '{"attempts": 3}')
    (policy,) = shell.json("resilience", "list")
    assert (policy["subject"], policy["name"], policy["policy"]["attempts"]) == ("model", "fast", 3)
    call(shell)
    (target,) = shell.json("resilience", "targets")
    assert (target["provider"], target["answered"], target["breaker"]) == ("lab", 1, "closed")
    assert "gpt-4o-mini" in shell.ok("resilience", "targets")
    shell.ok("resilience", "remove", "model", "fast")
    assert shell.json("resilience", "list") == []
    (key,) = shell.json("keys", "list")
    assert "at most the priority low" in shell.ok("resilience", "priority", key["id"], "low")
    for wrong, told in (('{"attempts": 99}', "attempts"), ("nonsense", "cannot be read"), ("[1]", "no JSON object")):
        refused = shell.run("resilience", "set", "model", "fast", wrong)
        assert refused.exit_code == 1
        assert told in refused.output


def test_restart_asks_a_server_of_that_folder_and_says_where_there_is_none(shell: Shell, tmp_path: Path) -> None:
    refused = shell.run("restart", "--data-dir", str(tmp_path))
    assert refused.exit_code == 1
    assert "No server" in refused.output
    assert "to replace its workers" in shell.ok("restart", "--data-dir", str(shell.server.data))
    # one worker: it goes on, and its log says why
    assert httpx.get(f"{shell.server.url}/readyz", timeout=PATIENCE_S).status_code == 200


def test_a_limit_is_set_shown_raised_and_removed(shell: Shell) -> None:
    assert "$5 per month" in shell.ok("limits", "set", "monthly", "--money", "5", "--window", "month")
    assert "$7 per month" in shell.ok("limits", "set", "monthly", "--money", "7", "--window", "month")
    shell.ok("limits", "set", "fair", "--requests", "60", "--window", "rolling_minute", "--per", "user")
    shell.ok("limits", "set", "trial", "--money", "1", "--window", "day", "--unknown-price", "0.01")
    [trial] = [one for one in shell.json("limits", "list") if one["name"] == "trial"]
    assert (trial["unknown_price"], float(trial["unknown_amount"])) == ("amount", 0.01)
    shell.ok("limits", "remove", "trial")
    shell.ok("limits", "set", "slots", "--concurrency", "3", "--scope", "provider=openai", "--scope", "key=a")
    told = shell.ok("limits", "list")
    assert "60 requests per rolling minute" in told
    assert "key=a provider=openai" in told
    (one,) = [limit for limit in shell.json("limits", "list") if limit["name"] == "monthly"]
    assert (one["bound"], one["standings"][0]["remaining"]) == ("7", "7")
    shell.ok("limits", "remove", "monthly")
    assert "monthly" not in shell.ok("limits", "list")
    assert "Nothing happened" in shell.ok("limits", "events")


def test_a_budget_says_at_once_which_models_it_stops_because_nobody_knows_their_price(with_model: Shell) -> None:
    """Whoever sets a first budget means it to stop nothing for now."""
    assert "trimtab models change free --price" in with_model.ok(
        "models", "add", "free", "--provider", "lab", "--upstream", "made-up"
    )
    set_ = ("limits", "set", "monthly", "--money", "5", "--window", "month")
    told = with_model.run(*set_).stderr
    assert "no price is known of free, so this limit refuses calls of it now" in told
    assert "fast" not in told
    assert "price" not in with_model.run(*set_, "--unknown-price", "ignore").stderr
    assert "price" not in with_model.run(*set_, "--soft").stderr
    assert "price" not in with_model.run(*set_, "--scope", "model=fast").stderr
    assert "free" in with_model.run(*set_, "--scope", "provider=lab").stderr
    assert "20 calls at once" in with_model.ok("limits", "set", "slots", "--concurrency", "20")
    again = with_model.run("models", "add", "fast", "--provider", "lab").stderr
    assert "`trimtab models change`" in again
    with_model.ok("limits", "remove", "monthly")
    with_model.ok("limits", "remove", "slots")
    with_model.ok("models", "remove", "free")


def test_a_limit_counts_one_thing(shell: Shell) -> None:
    done = shell.run("limits", "set", "odd", "--money", "5", "--requests", "5", "--window", "day")
    assert done.exit_code == 1
    assert "Give one of" in done.stderr
    assert "is no scope" in shell.run("limits", "set", "odd", "--money", "5", "--scope", "planet=mars").stderr


def test_a_folder_that_cannot_be_written_to_is_told_and_not_shown_as_a_traceback(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = shell.run("export", "spans", "--out", str(tmp_path / "file" / "below"))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"trimtab: {tmp_path / 'file' / 'below'}: Not a directory.")
    assert "Name a place that is there" in done.stderr


def test_a_folder_that_cannot_be_copied_whole_is_told_by_the_first_file_of_it() -> None:
    def full() -> None:
        raise shutil.Error([("/from/a", "/to/a", "[Errno 28] No space left on device: '/from/a' -> '/to/a'")] * 900)

    with pytest.raises(Failure) as failed, files_told(as_json=False):
        full()
    assert failed.value.error.message == "/to/a: No space left on device."
    with pytest.raises(ConnectionResetError), files_told(as_json=False):
        raise ConnectionResetError(104, "of no file")
