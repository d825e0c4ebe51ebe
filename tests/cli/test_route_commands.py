"""Routes from the command line, against a real server."""

import json
from pathlib import Path

import pytest
from shells import Shell

from trimtab.cli.route_files import read_route
from trimtab.core.errors import InvalidRequest


def test_a_route_is_set_explained_changed_and_deleted(with_model: Shell, tmp_path: Path) -> None:
    shell = with_model
    assert "trimtab routes set" in shell.ok("routes", "list")
    file = tmp_path / "route.yaml"
    file.write_text("about: all to one\ntree: {node: when, of: [{if: {tags: [a]}, use: fast}], otherwise: fast}\n")
    assert "version 1: fast" in shell.ok("routes", "set", "smart", "--file", str(file))
    explained = shell.ok("routes", "explain", "smart", "--say", "hello", "--header", "trimtab-tags: a")
    assert "tags a" in explained
    assert "chosen" in explained
    file.write_text("fast\n")
    told = shell.json("routes", "set", "smart", "--file", str(file))
    assert (told["version"], told["tree"], told["about"]) == (2, "fast", "all to one")
    assert '"fast"' in shell.ok("routes", "show", "smart")
    assert [route["name"] for route in shell.json("routes", "list")] == ["smart"]
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"node": "fallback", "of": ["fats"]}))
    refused = shell.run("routes", "set", "smart", "--file", str(wrong))
    assert refused.exit_code == 1
    assert "tree.of[0]" in refused.stderr
    assert "Did you mean 'fast'?" in refused.stderr
    assert "Removed" in shell.ok("routes", "remove", "smart")


def test_explaining_needs_one_request(with_model: Shell) -> None:
    assert with_model.run("routes", "explain", "smart").exit_code == 2
    assert with_model.run("routes", "explain", "smart", "--say", "x", "--header", "none").exit_code == 2


def test_a_replay_of_nothing_says_so(with_model: Shell, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_text("tree: fast\n")
    told = with_model.ok("replay", "--route", str(file), "--since", "1h", "-q", "model:never")
    assert "0 calls found" in told
    assert "not enough data" in told


def test_a_server_without_a_config_file_has_none_to_reload(shell: Shell) -> None:
    assert shell.run("reload").exit_code == 0


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.yaml", "tre: fast\n", "'tre' is no part of a route"),
        ("a.yaml", "- fast\n", "holds no route"),
        ("a.yaml", "about: x\n", "holds no route"),
        ("a.yaml", "tree: [\n", "is not YAML"),
        ("a.json", "{", "is not JSON"),
    ],
)
def test_a_file_that_holds_no_route_is_told(tmp_path: Path, name: str, text: str, what: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(InvalidRequest, match=what):
        read_route(file)


def test_a_tree_alone_is_a_route(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("node: fallback\nof: [fast, slow]\n")
    assert read_route(file) == {"tree": {"node": "fallback", "of": ["fast", "slow"]}}
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_route(tmp_path / "none.yaml")


def test_a_route_is_read_out_of_a_config_file_as_the_docs_show_it(tmp_path: Path) -> None:
    file = tmp_path / "trimtab.yaml"
    file.write_text("routes:\n  smart: {about: x, tree: fast}\n")
    assert read_route(file) == read_route(file, "smart") == {"about": "x", "tree": "fast"}
    file.write_text("routes:\n  smart: {tree: fast}\n  other: {tree: {node: fallback, of: [slow]}}\n")
    assert read_route(file, "other") == {"tree": {"node": "fallback", "of": ["slow"]}}
    with pytest.raises(InvalidRequest, match="smart, other, and it does not say which"):
        read_route(file)
    with pytest.raises(InvalidRequest, match="'none' is not among them"):
        read_route(file, "none")


def test_what_stands_beside_a_tree_is_not_passed_over_by_who_writes_the_route(tmp_path: Path) -> None:
    file = tmp_path / "trimtab.yaml"
    file.write_text("routes:\n  smart: {tree: fast, context: {max_tokens: 500}}\n")
    assert read_route(file) == {"tree": "fast"}
    with pytest.raises(InvalidRequest, match="'context' stands beside the tree") as refused:
        read_route(file, to_write=True)
    assert "trimtab cache set" in refused.value.fix
