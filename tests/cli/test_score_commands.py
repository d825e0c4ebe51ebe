"""`trimtab scores`, against a real server: written, listed, corrected, taken back."""

from shells import Shell

TRACE = "ab" * 16


def listed(shell: Shell, *more: str) -> list[dict[str, object]]:
    shell.server.settled()
    return shell.json("scores", "list", *more)


def test_a_score_is_added_corrected_and_taken_back(with_model: Shell) -> None:
    first = with_model.json("scores", "add", "helpful", "0.5", "--trace", TRACE)["id"]
    with_model.ok("scores", "add", "tone", "--label", "rude", "--session", "s-1", "--explanation", "it barks")
    (one,) = listed(with_model, "-q", "name:helpful value:<0.6")
    assert (one["value"], one["source"], one["trace_id"]) == (0.5, "human", TRACE)
    with_model.ok("scores", "add", "helpful", "0.9", "--trace", TRACE, "--supersedes", first)
    assert len(listed(with_model, "--invalid")) == 3
    (better,) = with_model.json("scores", "list", "-q", f"trace:{TRACE}")
    assert better["value"] == 0.9
    text = with_model.ok("scores", "list")
    assert "rude" in text
    assert first not in text
    assert "no longer valid" in with_model.ok("scores", "invalidate", str(better["id"]))
    assert listed(with_model, "-q", f"trace:{TRACE}") == []
    wrong = with_model.run("scores", "add", "helpful", "--trace", TRACE)
    assert wrong.exit_code == 1
    assert "->" in wrong.stderr
