"""From YAML to values of the right shape that know their lines: what the config file and the folder of
config as code (`server/folder/`) are read with. Every mistake is noted and what is wrong left out, so that all of them
can be told at once."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import yaml
from msgspec import Struct

from trimtab.core.known import did_you_mean
from trimtab.server.config.fields import Field


class Mistake(Struct, frozen=True, kw_only=True):
    """``line`` counts from 1."""

    path: str
    line: int
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}{f' {self.fix}' if self.fix else ''}"


def no_yaml(error: yaml.YAMLError, path: str) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or "it cannot be parsed")
    fix = "Indent with blanks, not tabs." if "\\t" in problem else "Check indentation, quotes and colons around it."
    return Mistake(path=path, line=1 if mark is None else mark.line + 1, what=f"Not YAML: {problem}.", fix=fix)


class Read(Struct, frozen=True, kw_only=True):
    """A value and where it stands. A section's is ``dict[str, Read]``, a list's ``list[Read]``; ``key_line`` is
    that of its key, ``from_env`` whether the environment gave it; ``beside`` is what stands beside a tree."""

    value: Any
    line: int
    key_line: int
    from_env: bool = False
    beside: "dict[str, Read]" = {}


Tree = dict[str, Read]


class Reading:
    """From YAML's nodes to values of the right shape; what does not fit is noted and left out."""

    def __init__(self, path: str, environ: Mapping[str, str], *, elsewhere: Mapping[str, str] | None = None) -> None:
        """``elsewhere``: of keys that are not known here, where they belong."""
        self.path = path
        self._elsewhere = elsewhere or {}
        self.environ = environ
        self.mistakes: list[Mistake] = []

    def refuse(self, line: int, what: str, fix: str = "") -> None:
        self.mistakes.append(Mistake(path=self.path, line=line, what=what[:1].upper() + what[1:], fix=fix))

    def section(self, node: yaml.Node, fields: dict[str, Field], name: str) -> Tree:
        tree: Tree = {}
        for key, line, value in self._pairs(node, name):
            field = fields.get(key)
            if field is None:
                self.refuse(
                    line, f"Unknown key {key!r} in {name}.", self._elsewhere.get(key) or did_you_mean(key, fields)
                )
                continue
            found = self._field(value, field, f"{key!r} of {name}")
            if found is not None:
                tree[key] = Read(value=found[0], line=line_of(value), key_line=line, from_env=found[1])
        for key, field in fields.items():
            if field.required and key not in tree and not self._noted(node):
                self.refuse(line_of(node), f"{name} lacks {key!r}.", field.about)
        return tree

    def _noted(self, node: yaml.Node) -> bool:
        """A section that is no mapping at all was refused already."""
        return not isinstance(node, yaml.MappingNode)

    def _pairs(self, node: yaml.Node, name: str) -> list[tuple[str, int, yaml.Node]]:
        if is_null(node):
            return []
        if not isinstance(node, yaml.MappingNode):
            self.refuse(
                line_of(node),
                f"{name} must be a mapping of keys to values.",
                "Write one 'key: value' per line below it.",
            )
            return []
        pairs: list[tuple[str, int, yaml.Node]] = []
        seen: dict[str, int] = {}
        for key_node, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            line = line_of(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.refuse(line, f"A key of {name} is not text.", "Use a plain word.")
                continue
            key = str(key_node.value)
            if key in seen:
                self.refuse(line, f"{key!r} stands twice in {name}, first on line {seen[key]}.", "Remove one.")
                continue
            seen[key] = line
            pairs.append((key, line, value))
        return pairs

    def _field(self, node: yaml.Node, field: Field, name: str) -> tuple[Any, bool] | None:
        """The value and whether the environment gave it; None where it was refused or left empty."""
        if is_null(node) and field.shape != "section":
            return None
        if field.shape == "section":
            return self.section(node, field.fields, name), False
        if field.shape == "sections":
            return self._map(
                node, name, lambda value, key: self.section(value, field.fields, f"{field.one} {key!r}")
            ), False
        if field.shape == "text_map":
            return self._map(
                node, name, lambda value, key: self._text(value, f"{key!r} of {name}", env=field.env)
            ), False
        if field.shape == "trees":
            return self._trees(node, field, name), False
        if field.shape == "texts":
            return self._texts(node, name, env=field.env), False
        if field.shape == "flag":
            flag = self._flag(node, name)
            return None if flag is None else (flag, False)
        if field.shape == "days":
            found = self._days(node, name)
            return None if found is None else (found, False)
        if field.shape in ("number", "amount"):
            number = self._number(node, field, name)
            if number is None:
                return None
            return (
                str(cast("yaml.ScalarNode", node).value).replace("_", "") if field.shape == "amount" else number
            ), False
        text = self._text(node, name, env=field.env)
        return None if text is None else (text, _from_env(node, field))

    def _map(self, node: yaml.Node, name: str, read: Callable[[yaml.Node, str], Any]) -> Tree:
        tree: Tree = {}
        for key, line, value in self._pairs(node, name):
            found = read(value, key)
            if found is not None:
                tree[key] = Read(value=found, line=line_of(value), key_line=line, from_env=_is_env(value))
        return tree

    def _trees(self, node: yaml.Node, field: Field, name: str) -> Tree:
        tree: Tree = {}
        for key, line, value in self._pairs(node, name):
            value, beside = self._parted(value, field, key)
            tree[key] = Read(value=value, line=line_of(value), key_line=line, beside=beside)
        return tree

    def _parted(self, node: yaml.Node, field: Field, key: str) -> tuple[yaml.Node, Tree]:
        """A tree, and what of the field's own keys stands beside it."""
        if not field.fields or not isinstance(node, yaml.MappingNode):
            return node, {}
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
        own = [pair for pair in pairs if getattr(pair[0], "value", None) in field.fields]
        if not own:
            return node, {}
        rest = [pair for pair in pairs if pair not in own]
        tree, beside = (yaml.MappingNode(node.tag, some, node.start_mark, node.end_mark) for some in (rest, own))
        return tree, self.section(beside, field.fields, f"{field.one} {key!r}")

    def _texts(self, node: yaml.Node, name: str, *, env: bool) -> list[Read]:
        if not isinstance(node, yaml.SequenceNode):
            self.refuse(line_of(node), f"{name} must be a list.", "Write for example [slow, slower].")
            return []
        items = cast("list[yaml.Node]", node.value)
        found = [(self._text(item, f"An item of {name}", env=env), line_of(item)) for item in items]
        return [Read(value=text, line=line, key_line=line) for text, line in found if text is not None]

    def _text(self, node: yaml.Node, name: str, *, env: bool) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith((":str", ":timestamp")):
            quoted = isinstance(node, yaml.ScalarNode) and not is_null(node)
            self.refuse(line_of(node), f"{name} must be text.", "Put quotes around it." if quoted else "")
            return None
        text = str(node.value)
        if not env or not text.startswith("env:"):
            return text
        variable = text.removeprefix("env:").strip()
        found = self.environ.get(variable, "").strip()  # a secret that was made of a file has its line's end
        if not found:
            close = did_you_mean(variable, self.environ)
            fix = close if close.startswith("Did") else f"Run: export {variable}=..."
            self.refuse(line_of(node), f"{name}: the environment variable {variable!r} is not set.", fix)
            return None
        return found

    def _flag(self, node: yaml.Node, name: str) -> bool | None:
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool"):
            return str(node.value).lower() in ("true", "yes", "on")
        self.refuse(line_of(node), f"{name} must be true or false.", "Write it without quotes.")
        return None

    def _days(self, node: yaml.Node, name: str) -> str | None:
        """A whole number or a word, as it stands there."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":str")):
            return str(node.value)
        self.refuse(line_of(node), f"{name} must be a whole number of days, or keep.", "Write for example 90.")
        return None

    def _number(self, node: yaml.Node, field: Field, name: str) -> float | None:
        low, high = field.bounds
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float")):
            try:
                value = float(str(node.value).replace("_", ""))
            except ValueError:
                value = -1.0
            if low <= value <= high:
                return value
        self.refuse(
            line_of(node), f"{name} must be a number from {low:g} to {high:g}.", "Write it plainly, e.g. 0.15 or 60."
        )
        return None


def line_of(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _is_env(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and str(node.value).startswith("env:")


def _from_env(node: yaml.Node, field: Field) -> bool:
    return field.env and _is_env(node)
