"""Whether the templates of a prompt hold: syntax, what they may use, and that every name they read is declared. And
what they include, gathered, so that rendering needs to ask nobody."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final

from jinja2 import DictLoader, TemplateError, TemplateSyntaxError, meta
from jinja2.nodes import Template

from trimtab.prompts.sandbox import Sandbox
from trimtab.prompts.syntax import Outline, outline
from trimtab.prompts.types import POLICY, Bundle, Content, PromptError, Reference, Source

MAX_INCLUDED: Final = 50
"""Prompts that one may include, directly and through others."""
MAX_LEVELS: Final = 8
BROKEN: Final = (
    TemplateError, RecursionError, MemoryError, SyntaxError, ArithmeticError, LookupError, TypeError, ValueError,
    AttributeError, AssertionError,
)  # fmt: skip
"""What a template can make Jinja2 and Python raise, beside our own errors."""


Resolve = Callable[[Reference], Source]
"""Raises `PromptError` or `NotFound` for what there is not."""


@contextmanager
def blamed(where: str) -> Generator[None]:
    """What goes wrong in a template, told with its place."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise PromptError(
            f"{error.message}.".replace("..", "."), fix=_SYNTAX, where=where, line=error.lineno
        ) from error
    except PromptError as error:
        if error.where:
            raise
        raise PromptError(
            error.bare, fix=error.fix, where=where, line=error.line, variable=error.variable, code=error.code
        ) from error
    except BROKEN as error:
        words = "It is nested too deeply" if isinstance(error, RecursionError | SyntaxError) else str(error)[:200]
        raise PromptError(f"{words}.", fix=_SYNTAX, where=where) from error


_SYNTAX = "See docs/prompts.md for what a template may hold."


def titles(content: Content) -> list[str]:
    """How errors and diffs call each message: ``message 1 (system)``."""
    return [f"message {number} ({message.title})" for number, message in enumerate(content.messages, 1)]


def parsed(text: str, where: str) -> tuple[Outline, frozenset[str]]:
    """What a template asks of the world, and which names it reads without giving them a value. Raises `PromptError`."""
    with blamed(where):
        tree: Template = Sandbox(DictLoader({})).parse(text)
        free = frozenset(meta.find_undeclared_variables(tree)) - _GIVEN
        return outline(tree), free


_GIVEN: Final = frozenset(("range", "dict", "namespace", POLICY))


def check(content: Content) -> tuple[Reference, ...]:
    """Every template of a normal form; returns what they include, each once. Raises `PromptError` for syntax, for what
    is not allowed, and for a name that is no variable."""
    found: dict[str, Reference] = {}
    for title, message in zip(titles(content), content.messages, strict=True):
        if message.messages:
            continue
        asked, free = parsed(message.text, title)
        for name in sorted(free - content.variables.keys()):
            close = get_close_matches(name, [*content.variables, POLICY], 1)
            raise PromptError(
                f"The variable {name!r} is not declared.",
                fix=f"Did you mean {close[0]!r}?" if close else f"Add it to 'variables': {name}: string.",
                where=title,
                line=asked.names.get(name),
                variable=name,
                code="prompt_variable",
            )
        found |= {str(each.reference): each.reference for each in asked.includes}
    return tuple(found.values())


def gather(prompt: Source, resolve: Resolve) -> Bundle:
    """The prompt with all that it includes. Raises `PromptError` for a circle, for too many, and for what cannot be
    included; what ``resolve`` raises passes through."""
    included: dict[str, Source] = {}

    def follow(source: Source, path: tuple[str, ...]) -> None:
        for wanted in check(source.content):
            if str(wanted) in included and str(wanted) not in path:
                continue
            _check_path(str(wanted), path, len(included))
            found = resolve(wanted)
            if found.name in {step.partition("@")[0] for step in path}:
                raise _circle((*path, str(wanted)))
            _check_includable(found, wanted)
            included[str(wanted)] = found
            follow(found, (*path, str(wanted)))

    follow(prompt, (prompt.name,))
    return Bundle(prompt=prompt, includes=dict(sorted(included.items())))


def _circle(path: tuple[str, ...]) -> PromptError:
    return PromptError(
        f"Prompts include each other in a circle: {' -> '.join(path)}.", fix="Take one include out.",
        code="prompt_circle",
    )  # fmt: skip


def _check_path(wanted: str, path: tuple[str, ...], count: int) -> None:
    if len(path) > MAX_LEVELS or count >= MAX_INCLUDED:
        raise PromptError(
            f"More than {MAX_INCLUDED} prompts are included, or {MAX_LEVELS} levels: {' -> '.join((*path, wanted))}.",
            fix="Include less.",
        )


def _check_includable(found: Source, wanted: Reference) -> None:
    if len(found.content.messages) != 1 or found.content.messages[0].messages:
        raise PromptError(
            f"The prompt {str(wanted)!r} cannot be included: it has {len(found.content.messages)} messages, "
            "not one text.",
            fix="Put what is shared into a prompt of its own, with one message.",
        )
