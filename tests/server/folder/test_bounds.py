"""A folder's files are bounded in what it takes to read them."""

import pytest

from trimtab.server.folder import bounds
from trimtab.server.folder.bounds import TooMuch, compose
from trimtab.server.folder.reading import read_folder


def test_references_that_multiply_are_weighed_and_refused_with_their_line() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(TooMuch, match="Written out"):
        compose("\n".join(lines))
    (mistake,) = read_folder({"trimtab.yaml": "\n".join(lines)}).mistakes
    assert (mistake.path, mistake.line > 1) == ("trimtab.yaml", True)
    assert compose("a: &a [1, 2]\nb: *a\n") is not None, "what people write is read"


def test_what_is_nested_for_ever_is_refused() -> None:
    for text in ("[" * 4_000, "a: &a [*a]\n", "- " * 2_000 + "x"):
        with pytest.raises((TooMuch, ValueError)):
            compose(text)
        assert read_folder({"trimtab.yaml": text}).mistakes


def test_a_folder_has_only_so_much_text(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"trimtab.yaml": "name: main", "apps/a.yaml": "route: fast # " + "x" * 100,
             "prompts/p.prompt.md": "---\nname: p\n---\n" + "Be kind. " * 100}  # fmt: skip
    assert bounds.over(files, (".yaml",)) == ""
    monkeypatch.setattr(bounds, "MOST_YAML", 120)
    assert "of YAML" in bounds.over(files, (".yaml",))
    monkeypatch.setattr(bounds, "MOST_TEXT", 500)
    (mistake,) = read_folder(files).mistakes
    assert "500 are read at once" in mistake.what
