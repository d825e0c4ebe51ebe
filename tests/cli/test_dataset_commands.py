"""`trimtab datasets` against a real server: from a file and from traffic to a version, a sample and a file again."""

import json
from pathlib import Path

from shells import Shell, call


def test_a_file_becomes_a_dataset_is_divided_compared_and_written_out(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "tickets.csv"
    table.write_text("question,answer\nWhere is it?,Here\nwhere is  IT?,There\nWho?,Me\n")
    mapped = ("--map", "input=question", "--map", "expected=answer")
    assert "support@1: 3 added; 3 cases." in shell.ok(
        "datasets", "import", "support", str(table), *mapped, "--use", "evaluate", "--use", "tune", "-m", "Spring"
    )
    assert "has not changed: it is at version 1" in shell.ok(
        "datasets", "import", "support", str(table), *mapped, "--use", "tune", "--use", "evaluate"
    )
    table.write_text("question,answer\n,\n")
    refused = shell.run("datasets", "import", "support", str(table), *mapped)
    assert refused.exit_code == 1
    assert "row 1" in refused.stderr
    shown = shell.json("datasets", "show", "support")
    assert {each["provenance"]["source"] for each in shown["cases"]} == {"tickets.csv"}
    assert shell.json("datasets", "split", "support", "dev=0.5", "test=0.5")["changed"] == 3
    told = shell.ok("datasets", "diff", "support")
    assert "3 changed (split in 3)" in told
    assert told.count("~") == 3
    assert [each["number"] for each in shell.json("datasets", "history", "support")] == [2, 1]
    assert "1 say exactly what another says" in shell.ok("datasets", "duplicates", "support")
    assert shell.run("datasets", "export", "support", "--use", "train", "--out", str(tmp_path)).exit_code == 1

    told = shell.json("datasets", "show", "support")
    assert f"revision {told['revision']}, which --expect" in shell.ok("datasets", "show", "support")
    shell.ok("datasets", "put", "support", "--expect", str(told["revision"]), "--licence", "MIT")
    piped = shell.ok("datasets", "export", "support", "--out", "-")
    assert [json.loads(line)["input"] for line in piped.splitlines()]
    assert len(piped.splitlines()) == 3
    assert shell.run("datasets", "export", "support", "--out", "-", "--format", "croissant").exit_code == 1

    out = tmp_path / "out"
    files = shell.json("datasets", "export", "support", "--format", "croissant", "--out", str(out))
    assert [Path(each["file"]).name for each in files] == ["support-v2.csv", "support-v2.json"]
    described = json.loads((out / "support-v2.json").read_text())
    assert (out / described["distribution"][0]["contentUrl"]).exists()
    assert shell.run("datasets", "export", "support", "--format", "csv", "--out", str(out)).exit_code == 1, (
        "nothing is written over"
    )
    copied = shell.json("datasets", "import", "copy", str(out / "support-v2.csv"))
    assert copied["version"]["hash"] == shell.json("datasets", "history", "support")[0]["hash"]
    assert [each["name"] for each in shell.json("datasets", "list")] == ["copy", "support"]
    assert "archived" in shell.ok("datasets", "archive", "copy")
    assert [each["name"] for each in shell.json("datasets", "list")] == ["support"]
    schema = tmp_path / "schema.json"
    schema.write_text('{"properties": {"expected": {"type": "integer"}}}')
    assert "schema does not hold" in shell.run("datasets", "put", "support", "--schema", str(schema)).stderr


def test_traffic_becomes_cases_and_a_model_proposes_more(with_model: Shell) -> None:
    trace = call(with_model)
    with_model.ok("datasets", "put", "seen", "--description", "Of today")
    done = with_model.json("datasets", "from-traces", "seen", "--expected", "answer", "--tag", "live")
    assert (done["added"], done["left"]) == (1, [])
    [case] = with_model.json("datasets", "show", "seen")["cases"]
    assert (case["id"], case["input"], case["provenance"]["source"]) == (f"trace-{trace}", "Hello there", trace)
    assert case["expected"]
    assert "is a case already" in with_model.ok("datasets", "from-traces", "seen", "--trace", trace)
    sample = with_model.ok("datasets", "sample", "seen", "1", "--save-as", "smoke")
    assert case["id"] in sample
    assert with_model.json("datasets", "show", "seen", "--tag", "smoke")["version"]["number"] == 2
    made = with_model.json("datasets", "generate", "seen", "--model", "fast", "--count", "2", "--budget", "0.5")
    assert made["calls"] == 1
    assert made["cost"] is not None
    assert "not the JSON" in made["left"][0], "the simulated model says something else"
    assert "None is open" in with_model.ok("datasets", "proposals", "seen")
