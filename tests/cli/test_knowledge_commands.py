"""`trimtab knowledge` against a real server: from files to passages, and back to the files."""

from pathlib import Path

from shells import Shell


def test_files_become_a_corpus_that_is_searched_checked_and_taken_back(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "refunds.md").write_text("# Refunds\n\nA refund takes five days.\n")
    (folder / "page.html").write_text("<title>Shipping</title><h1>Parcels</h1><p>They leave in the morning.</p>")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    assert "Made the corpus handbook" in shell.ok("knowledge", "create", "handbook", "--stale-days", "9")
    assert shell.run("knowledge", "create", "handbook").exit_code == 1
    made = shell.json("knowledge", "add", "handbook", str(folder), "-m", "Spring")
    assert (made["version"]["state"], made["version"]["chunks"], made["version"]["dimension"]) == ("ready", 2, 384)
    page, refunds = sorted(made["documents"]["added"])
    assert refunds.endswith(":docs:refunds.md")
    told = shell.ok("knowledge", "search", "handbook", "how quickly do I get my money back", "--explain")
    assert "1. Refunds" in told, "found by its meaning: they have no word in common"
    assert "2 chunks of handbook@1, hybrid" in told

    assert "nothing has changed" in shell.ok("knowledge", "publish", "handbook").lower()
    assert "is for group:post" in shell.ok("knowledge", "access", "handbook", page, "group:post")
    search = ("knowledge", "search", "handbook", "parcels leave", "--mode", "words")
    assert shell.json(*search)["passages"] == []
    assert [each["document"] for each in shell.json(*search, "--group", "post")["passages"]] == [page]
    shell.json("knowledge", "add", "handbook", str(folder), "--no-publish")
    assert shell.json(*search)["passages"] == [], "to put it again opens nothing"

    assert "2 of 2 documents" in shell.ok("knowledge", "check", "handbook", "--root", "/")
    (folder / "refunds.md").write_text("# Refunds\n\nA refund takes six days.\n")
    changed = shell.run("knowledge", "check", "handbook", "--root", "/")
    assert (changed.exit_code, "refunds.md: changed" in changed.stdout) == (1, True)
    assert "1 changed" in shell.ok("knowledge", "freshness", "handbook")
    assert "handbook@2 can be searched" in shell.ok("knowledge", "check", "handbook", "--root", "/", "--update")
    assert "six days" in shell.ok("knowledge", "search", "handbook", "refund")
    assert [each["number"] for each in shell.json("knowledge", "versions", "handbook")] == [2, 1]

    (folder / "page.html").unlink()
    assert shell.json("knowledge", "add", "handbook", str(folder), "--replace", "--no-wait")["removed"] == [page]
    assert "Erased" in shell.ok("knowledge", "delete", "handbook", refunds, "--yes")
    assert "It was erased" in shell.ok("knowledge", "show", "handbook", refunds)
    assert {each["id"] for each in shell.json("knowledge", "documents", "handbook", "--gone")} == {page, refunds}
    assert shell.run("knowledge", "add", "handbook", str(folder / "picture.png")).exit_code == 1
    assert "revision" in shell.ok("knowledge", "set", "handbook", "--chunker", "sentences", "--embedder", "none")
    shown = shell.json("knowledge", "list")[0]
    assert (shown["chunker"]["kind"], shown["chunker"]["size"], shown["embedder"]["model"]) == ("sentences", 160, "")
