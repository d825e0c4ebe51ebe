"""From a prompt and values to messages. `Compiled` is made once per bundle and renders as often as one likes, from any
thread; the same bundle and values always give the same messages."""

import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final, cast

from jinja2 import DictLoader
from msgspec import UNSET, Struct

from trimtab.prompts.budget import BOUNDS, Bounds, Budget
from trimtab.prompts.canonical import one_of, plain
from trimtab.prompts.check import BROKEN, blamed, parsed, titles
from trimtab.prompts.sandbox import BUDGET, Sandbox
from trimtab.prompts.types import POLICY, Bundle, PromptError, Variable, check_type

ROOT: Final = "\0message "


class Rendered(Struct, frozen=True, kw_only=True):
    """``messages`` as chat models take them: ``role`` and ``content``. ``used``: every prompt that went in, by
    reference, with its version."""

    name: str
    version: int
    hash: str
    messages: list[dict[str, Any]]
    parameters: dict[str, Any] = {}
    tools: list[dict[str, Any]] = []
    output_schema: dict[str, Any] | None = None
    used: dict[str, int] = {}


class Compiled:
    """Raises `PromptError` when made, for templates that do not hold."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        content = bundle.prompt.content
        self._titles = titles(content)
        texts = {f"{ROOT}{number}": message.text for number, message in enumerate(content.messages)}
        included = {name: source.content.messages[0].text for name, source in bundle.includes.items()}
        self._sandbox = Sandbox(DictLoader(texts | included))
        self.variables = variables_of(bundle)
        self._made = _made(bundle)
        self._templates: list[Any] = []
        for number, message in enumerate(content.messages):
            with blamed(self._titles[number]):
                made = None if message.messages else self._sandbox.get_template(f"{ROOT}{number}")
                self._templates.append(made)
        for name in included:
            with blamed(f"the included {name!r}"):
                self._sandbox.get_template(name)

    def needs(self, name: str) -> bool:
        """Whether that variable must be given: it has no default, and no template gives it a value."""
        return self.variables[name].required and name not in self._made

    def render(
        self,
        values: Mapping[str, Any],
        bounds: Bounds = BOUNDS,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> Rendered:
        """The messages for these values (JSON). Raises `PromptError`: which variable, which message and line, and what
        to do."""
        content = self.bundle.prompt.content
        given = self._given(values)
        budget = Budget(bounds, clock, worked)
        messages: list[dict[str, Any]] = []
        left = bounds.size
        for number, message in enumerate(content.messages):
            if message.messages:
                messages += cast("list[dict[str, Any]]", given[message.messages])
                continue
            text = self._text(number, given, budget, left)
            left -= len(text)
            messages.append({"role": message.role, "content": text})
        return Rendered(
            name=self.bundle.prompt.name,
            version=self.bundle.prompt.version,
            hash=self.bundle.prompt.hash,
            messages=messages,
            parameters=content.parameters,
            tools=list(content.tools),
            output_schema=None if content.output_schema is UNSET else content.output_schema,
            used={name: source.version for name, source in self.bundle.includes.items()},
        )

    def _text(self, number: int, given: dict[str, Any], budget: Budget, left: int) -> str:
        template = self._templates[number]
        parts: list[str] = []
        try:
            context = template.new_context({**given, BUDGET: budget})
            for part in template.root_render_func(context):
                left -= len(part)
                if left < 0:
                    budget.room(budget.size + 1)
                parts.append(part)
        except (PromptError, *BROKEN) as error:
            raise self._told(number, error) from error
        return "".join(parts).strip("\n")

    def _told(self, number: int, error: Exception) -> PromptError:
        """The error with the innermost place of a template that led to it."""
        where, line = self._titles[number], None
        step = error.__traceback__
        while step is not None:
            template = step.tb_frame.f_globals.get("__jinja_template__")
            if template is not None:
                line = template.get_corresponding_lineno(step.tb_lineno)
                name = str(template.name)
                where = self._titles[number] if name.startswith(ROOT) else f"the included {name!r}"
            step = step.tb_next
        if isinstance(error, PromptError):
            return PromptError(
                error.bare, fix=error.fix, where=where, line=line, variable=error.variable, code=error.code
            )
        words = "Macros call each other without end" if isinstance(error, RecursionError) else str(error)[:300]
        return PromptError(
            f"{words or type(error).__name__}.".replace("..", "."),
            fix="Correct the template, or what it is given.",
            where=where,
            line=line,
            code="prompt_render",
        )

    def _given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Every variable with its value: what is given, else its default."""
        for name in values:
            if name not in self.variables:
                close = get_close_matches(name, self.variables, 1)
                raise PromptError(
                    f"The prompt {self.bundle.prompt.name!r} has no variable {name[:80]!r}.",
                    fix=f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(self.variables) or 'none'}.",
                    variable=name[:80],
                    code="prompt_variable",
                )
        found = {name: self._one(name, variable, values) for name, variable in self.variables.items()}
        return {name: value for name, value in found.items() if value is not UNSET} | {
            POLICY: self.bundle.prompt.content.policy
        }

    def _one(self, name: str, variable: Variable, values: Mapping[str, Any]) -> Any:
        if name not in values:
            if self.needs(name):
                about = f" ({variable.description})" if variable.description else ""
                raise PromptError(
                    f"The variable {name!r} of the prompt {self.bundle.prompt.name!r} is not given{about}.",
                    fix=f"Give a {variable.type}.",
                    variable=name,
                    code="prompt_variable",
                )
            return variable.default
        return fitting(name, variable, values[name])


def fitting(name: str, variable: Variable, given: Any) -> Any:
    """The value as JSON. Raises `PromptError` where it is none of that variable's."""
    value = plain(given, name)
    if value is None and not variable.required and variable.default is None:
        return None
    check_type(name, value, variable.type)
    if variable.enum and not one_of(value, variable.enum):
        raise PromptError(
            f"{str(value)[:80]!r} is no value of the variable {name!r}.",
            fix=f"Give one of {', '.join(str(each) for each in variable.enum)}.",
            variable=name,
            code="prompt_variable",
        )
    return value


def variables_of(bundle: Bundle) -> dict[str, Variable]:
    """The prompt's own, and those of what it includes that it does not declare itself."""
    found = dict(bundle.prompt.content.variables)
    for source in bundle.includes.values():
        for name, variable in source.content.variables.items():
            found.setdefault(name, variable)
    return found


def _made(bundle: Bundle) -> frozenset[str]:
    """Variables of included prompts that what includes them gives values to, as a loop's."""
    own = bundle.prompt.content.variables
    texts = [
        message.text for source in (bundle.prompt, *bundle.includes.values()) for message in source.content.messages
    ]
    made = (
        frozenset(name for text in texts for name in parsed(text, "")[0].made) if bundle.includes else frozenset[str]()
    )
    return made - own.keys()
