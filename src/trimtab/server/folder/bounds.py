"""What a folder's files may ask of whoever reads them: their text in all, and how deep and wide YAML may become once
the references in it ('*name') stand for what they name."""

from collections.abc import Mapping
from typing import Any, Final, cast

import yaml

MOST_TEXT: Final = 16_000_000
"""Characters of all files."""
MOST_YAML: Final = 2_000_000
"""Characters of YAML, of which PyYAML reads a few hundred thousand a second: trimtab.yaml, apps, suites, fronts."""
MOST_NODES: Final = 100_000
"""Nodes of one document, each reference counted as all that it names."""
MOST_DEPTH: Final = 60


class TooMuch(Exception):
    """A document that is too deep or too wide; ``line`` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


def _line(loader: Any) -> int:
    return int(loader.peek_event().start_mark.line) + 1


class _Loader(yaml.SafeLoader):
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self._depth > MOST_DEPTH:  # brackets within brackets cost PyYAML the square of their number
            raise TooMuch(_line(self), f"It is nested deeper than {MOST_DEPTH} levels.")
        self._depth += 1
        node: Any = super().compose_node(parent, index)  # pyright: ignore
        self._depth -= 1
        return node


def compose(text: str) -> yaml.Node | None:
    """The root of one document, None where it is empty. Raises `yaml.YAMLError` and `TooMuch`."""
    root = yaml.compose(text, Loader=_Loader)
    if root is not None:
        _weigh(root, {}, 0)
    return root


def _weigh(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many nodes it is once references are written out. What was weighed is not weighed again, so that this takes
    no longer than the text is."""
    found = known.get(id(node))
    if found is not None:
        return found
    line = node.start_mark.line + 1
    if depth > MOST_DEPTH:
        raise TooMuch(line, f"Its references lead deeper than {MOST_DEPTH} levels.")
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        parts = [each for pair in cast("list[tuple[yaml.Node, yaml.Node]]", node.value) for each in pair]
    elif isinstance(node, yaml.SequenceNode):
        parts = cast("list[yaml.Node]", node.value)
    weight = 1
    for each in parts:
        weight += _weigh(each, known, depth + 1)
        if weight > MOST_NODES:
            raise TooMuch(line, f"Written out it has more than {MOST_NODES:,} values.")
    known[id(node)] = weight
    return weight


def over(files: Mapping[str, str], ends: tuple[str, ...]) -> str:
    """What of all files together is too much, empty where nothing is. ``ends``: of files that are YAML as a whole."""
    total = sum(map(len, files.values()))
    if total > MOST_TEXT:
        return f"The files have {total:,} characters, and {MOST_TEXT:,} are read at once."
    parsed = sum(len(text) if path.endswith(ends) else _front(text) for path, text in files.items())
    if parsed > MOST_YAML:
        return f"The files have {parsed:,} characters of YAML, and {MOST_YAML:,} are read at once."
    return ""


def _front(text: str) -> int:
    """Characters up to the second line of dashes."""
    return max(0, text.find("\n---", 3))
