"""The syntax tree of a template: what may stand in it, and how loops, ``~`` and literals are led through the budget.

Works on Jinja2's own tree (https://jinja.palletsprojects.com/en/stable/extensions/#ast), before it is compiled.
"""

from typing import Any, Final

from jinja2 import nodes
from jinja2.visitor import NodeTransformer
from msgspec import Struct

from trimtab.prompts.types import PromptError, Reference, reference

COUNTED: Final = "\0counted"
JOINED: Final = "\0joined"
MADE: Final = "\0made"
"""Names of filters that no template can write."""
MAX_DEPTH: Final = 60
"""Nodes within each other."""
_ALLOWED: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Macro, nodes.FilterBlock, nodes.With,
    nodes.Assign, nodes.AssignBlock, nodes.Include, nodes.Name, nodes.NSRef, nodes.Const, nodes.Tuple, nodes.List,
    nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call, nodes.Getitem,
    nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.BinExpr, nodes.UnaryExpr,
)  # fmt: skip


class Include(Struct, frozen=True):
    reference: Reference
    line: int


class Outline(Struct, frozen=True, kw_only=True):
    """What a template asks of the world. ``names``: each with the line it first stands on; ``made``: names that the
    template itself gives values to, somewhere."""

    includes: tuple[Include, ...]
    names: dict[str, int]
    made: frozenset[str]


def guarded(tree: nodes.Template) -> nodes.Template:
    """The tree with everything in it allowed, and paid for. Raises `PromptError` with the line."""
    _vet(tree)
    made: nodes.Template = _Guard().visit(tree)
    return made


def outline(tree: nodes.Template) -> Outline:
    """Of a guarded tree."""
    includes = [
        Include(reference(str(found.template.value)), found.lineno)  # pyright: ignore
        for found in tree.find_all(nodes.Include)
    ]
    names: dict[str, int] = {}
    made: set[str] = set()
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load":
            names.setdefault(name.name, name.lineno)
        else:
            made.add(name.name)
    made |= {macro.name for macro in tree.find_all(nodes.Macro)}
    return Outline(includes=tuple(includes), names=names, made=frozenset(made))


def _vet(tree: nodes.Template) -> None:
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise PromptError("The template is nested too deeply.", fix="Make it flatter.", line=node.lineno)
        _vet_one(node)
        waiting.extend((each, depth + 1) for each in node.iter_child_nodes())


def _vet_one(node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED):
        raise PromptError(
            f"{_word(node)!r} cannot be used in a prompt.",
            fix="Use variables, if, for, set, with, filter, macro, raw and include.",
            line=node.lineno,
            code="prompt_forbidden",
        )
    if isinstance(node, nodes.For) and node.recursive:
        raise PromptError("A loop may not be 'recursive'.", fix="Prepare the list outside.", line=node.lineno)
    if isinstance(node, nodes.Include):
        _vet_include(node)
    name = getattr(node, "name", None) if isinstance(node, nodes.Name | nodes.NSRef | nodes.Macro) else None
    attribute = getattr(node, "attr", None)
    for each in (name, attribute):
        if isinstance(each, str) and each.startswith("_"):
            raise PromptError(
                f"{each!r} cannot be read by a template.",
                fix="Names do not begin with '_'.",
                line=node.lineno,
                code="prompt_forbidden",
            )


def _vet_include(node: nodes.Include) -> None:
    if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
        raise PromptError(
            "What is included is named outright.",
            fix='Write for example {% include "house-style" %}.',
            line=node.lineno,
        )
    if node.ignore_missing or not node.with_context:
        raise PromptError(
            "An include is always there and sees the variables.",
            fix="Take out 'ignore missing' and 'without context'.",
            line=node.lineno,
        )
    try:
        node.template.value = str(reference(node.template.value))
    except PromptError as error:
        raise PromptError(error.bare, fix=error.fix, line=node.lineno) from None


def _word(node: nodes.Node) -> str:
    words = {"FromImport": "from", "CallBlock": "call", "ScopedEvalContextModifier": "autoescape"}
    return words.get(type(node).__name__, type(node).__name__.lower())


class _Guard(NodeTransformer):
    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  Jinja2 finds it by its name
        self.generic_visit(node)
        node.iter = _through(COUNTED, node.iter)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802  Jinja2 finds it by its name
        self.generic_visit(node)
        return _through(JOINED, nodes.List(node.nodes, lineno=node.lineno, environment=node.environment))

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802  Jinja2 finds it by its name
        self.generic_visit(node)
        return _through(MADE, node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802  Jinja2 finds it by its name
        self.generic_visit(node)
        return _through(MADE, node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802  Jinja2 finds it by its name
        self.generic_visit(node)
        return _through(MADE, node) if node.ctx == "load" else node


def _through(name: str, node: Any) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno, environment=node.environment)
