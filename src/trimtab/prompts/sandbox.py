"""The environment that templates run in: Jinja2's immutable sandbox, closed further, with a budget.

What is closed: a template sees JSON values only, so every method that can be called stands in a list here, and so do
filters, tests and functions; there are no imports, no macros of other templates, no clock, no chance. What is bounded:
see `budget.py`; loops, `~` and literals are led through it by a change of the syntax tree (`syntax.py`), the rest
through the hooks that Jinja2's sandbox has (https://jinja.palletsprojects.com/en/stable/sandbox/).

A text is written as it is, anything else as JSON; null is refused, since a prompt that says "None" is a mistake.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, cast

from jinja2 import Undefined, filters, pass_context
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing

from trimtab.prompts.budget import BOUNDS, MAX_BITS, Budget, too_many_digits
from trimtab.prompts.syntax import COUNTED, JOINED, MADE, guarded
from trimtab.prompts.types import PromptError

_INCLUDE: Final = re.compile(r"(?m)^([ \t]*\{%[-+]?[ \t]*include\b[^%\n]*(?<![-+]))%\}(?=\n)")
_RAW: Final = re.compile(r"(\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\})", re.DOTALL)
BUDGET: Final = "\0budget"
"""Where a context holds its budget: no template can write this name."""

_STRING: Final = frozenset((
    "capitalize", "casefold", "count", "endswith", "find", "isalnum", "isalpha", "isdigit", "islower", "isspace",
    "istitle", "isupper", "join", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace",
    "rfind", "rpartition", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper",
))  # fmt: skip
_METHODS: Final[tuple[tuple[type, frozenset[str]], ...]] = (
    (str, _STRING),
    (dict, frozenset(("get", "items", "keys", "values"))),
    (list, frozenset(("count", "index"))),
    (tuple, frozenset(("count", "index"))),
)
_LOOP: Final = frozenset((
    "index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "previtem",
    "nextitem", "changed", "cycle",
))  # fmt: skip
_FILTERS: Final = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last", "length",
    "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort",
    "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
_OF_TEXTS: Final = frozenset((
    "capitalize", "lower", "title", "trim", "truncate", "upper", "urlencode", "wordcount",
))  # fmt: skip
_TESTS: Final = (
    "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "greaterthan", "gt", "in",
    "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sameas",
    "sequence", "string", "true", "undefined", "upper", "==", "!=", "<", "<=", ">", ">=",
)  # fmt: skip


class Missing(Undefined):
    """What is not there. It may be asked about (``is defined``, ``default``) and nothing else."""

    def _fail_with_undefined_error(self, *_: Any, **__: Any) -> NoReturn:
        name = self._undefined_name
        if self._undefined_obj is not missing:
            there = _names(self._undefined_obj)
            raise PromptError(
                f"There is no {name!r} in {there}.",
                fix="Correct the name, or write 'is defined' or '| default(...)'.",
                code="prompt_variable",
            )
        raise PromptError(
            f"The variable {name!r} has no value here.",
            fix="Give it, or write '| default(...)'.",
            variable=str(name),
            code="prompt_variable",
        )

    __iter__ = __str__ = __len__ = __bool__ = __eq__ = __ne__ = __hash__ = __contains__ = _fail_with_undefined_error  # type: ignore[assignment]  # pyright: ignore
    __getattr__ = __getitem__ = __call__ = _fail_with_undefined_error  # type: ignore[assignment]  # pyright: ignore
    __lt__ = __le__ = __gt__ = __ge__ = __int__ = __float__ = _fail_with_undefined_error  # type: ignore[assignment]  # pyright: ignore


def _names(value: object) -> str:
    if isinstance(value, dict):
        keys = [str(key) for key in cast("dict[str, Any]", value)]
        return f"an object with {', '.join(keys[:8]) or 'nothing'}{', ...' if len(keys) > 8 else ''}"
    return f"a value of type {type(value).__name__}"


class _Method:
    """A method that may be called, on the value it belongs to."""

    __slots__ = ("name", "value")

    def __init__(self, value: Any, name: str) -> None:
        self.value = value
        self.name = name


def written(value: Any) -> str:
    """A value as it stands in a prompt."""
    if isinstance(value, str):
        return value
    if value is None:
        raise PromptError(
            "A null would be written here.",
            fix="Give a value, or write '| default(\"...\", true)'.",
            code="prompt_null",
        )
    if isinstance(value, Undefined):
        str(value)  # says what is missing
    if isinstance(value, list | tuple | dict | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    raise PromptError(
        f"A {type(value).__name__.strip('_').lower()} cannot be written.",
        fix="A method needs brackets: '.upper()'; what a filter gives step by step needs '| list' or '| join'.",
    )


class Sandbox(ImmutableSandboxedEnvironment):
    """Make one for each compiled prompt: its loader knows only what that includes."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))  # pyright: ignore
    intercepted_unops = frozenset(("-", "+"))  # pyright: ignore

    def __init__(self, loader: Any) -> None:
        super().__init__(
            loader=loader,
            undefined=Missing,
            optimized=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            finalize=_finalize,
        )
        self.filters = {name: _bounded(name, self.filters[name]) for name in _FILTERS} | _OWN
        self.tests = {name: self.tests[name] for name in _TESTS}
        self.globals = {"range": _range, "dict": dict, "namespace": Namespace}
        self.concat = _concat

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        """An include alone on its line keeps that line's end: what is included has none of its own."""
        text = super().preprocess(source, name, filename)
        if "include" not in text:
            return text
        parts = _RAW.split(text)
        parts[::2] = [_INCLUDE.sub(r"\1+%}", part) for part in parts[::2]]
        return "".join(parts)

    def _parse(self, source: str, name: str | None, filename: str | None) -> Any:
        return guarded(super()._parse(source, name, filename))

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return cast("Mapping[str, Any]", obj)[attribute]
        for kind, names in _METHODS:
            if isinstance(obj, kind) and attribute in names:
                return _Method(obj, attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        if isinstance(obj, Namespace) and not attribute.startswith("_"):
            return self._of_namespace(obj, attribute)
        if isinstance(obj, Undefined):
            obj.__getattr__(attribute)  # says what is missing
        return self._denied(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            obj.__getattr__("")  # says what is missing
        if isinstance(obj, dict | list | tuple | str):
            try:
                return cast("Any", obj)[argument]
            except (LookupError, TypeError):
                return self._denied(obj, argument)
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        return self._denied(obj, argument)

    def _of_namespace(self, obj: Any, attribute: str) -> Any:
        try:
            return getattr(obj, attribute)
        except AttributeError:
            return Missing(obj=obj, name=attribute)

    def _denied(self, obj: Any, attribute: Any) -> Any:
        if isinstance(attribute, str) and attribute.startswith("_"):
            raise PromptError(
                f"{attribute!r} cannot be read by a template.", fix="Give what is needed as a variable.",
                code="prompt_forbidden",
            )  # fmt: skip
        return Missing(obj=obj, name=str(attribute)[:80])

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063  Jinja2's
        budget = budget_of(__context)
        budget.pay()
        kwargs.pop("_loop_vars", None)  # the compiler's own, for functions that take the context
        kwargs.pop("_block_vars", None)
        if isinstance(__obj, _Method):
            return budget.charge(_called(budget, __obj, args, kwargs))
        if __obj is _range:
            return _range(budget, *args)
        budget.charge(args)
        budget.charge(kwargs)
        if __obj is dict or __obj is Namespace:
            return budget.charge(__obj(*args, **kwargs))
        if isinstance(__obj, Macro) or isinstance(getattr(__obj, "__self__", None), LoopContext):
            return budget.charge(__obj(*args, **kwargs))
        if isinstance(__obj, Undefined):
            __obj()  # says what is missing
        raise PromptError("This cannot be called.", fix="Take the brackets away.", code="prompt_forbidden")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget = budget_of(context)
        _check_operands(budget, operator, left, right)
        return budget.charge(self.binop_table[operator](left, right))

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        budget_of(context).pay()
        return self.unop_table[operator](arg)


def budget_of(context: Context) -> Budget:
    return cast("Budget", context.parent[BUDGET])


def _concat(parts: Any) -> str:
    """What Jinja2 joins a block with; it has no context here, so the bound is the one of every value."""
    kept: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > BOUNDS.size:
            raise PromptError(
                f"The template makes a text of more than {BOUNDS.size:,} characters.",
                fix="Give less, or cut it with the filter 'truncate'.",
                code="prompt_too_large",
            )
        kept.append(part)
    return "".join(kept)


@pass_context
def _finalize(context: Context, value: Any) -> str:
    budget = budget_of(context)
    text = written(value)
    budget.room(len(text))
    budget.pay(1 + (len(text) >> 8))
    return text


def _check_size(operator: str, left: int, right: int) -> None:
    bits = left.bit_length() + right.bit_length()
    if operator == "**":
        bits = left.bit_length() * abs(right) if right.bit_length() < 16 else MAX_BITS + 1
    if max(bits, left.bit_length(), right.bit_length()) > MAX_BITS:
        raise too_many_digits()


def _check_operands(budget: Budget, operator: str, left: Any, right: Any) -> None:
    """Raises `PromptError` for what would be too large, or what we do not do, before it is done."""
    if isinstance(left, int) and isinstance(right, int):
        _check_size(operator, left, right)
    elif isinstance(left, int | float) and isinstance(right, int | float):
        return
    elif operator == "*":
        many, times = (left, right) if isinstance(right, int) else (right, left)
        if not isinstance(many, str | list | tuple) or not isinstance(times, int):
            raise _wrong(operator, left, right)
        budget.room(len(cast("list[Any]", many)) * max(0, times))
    elif operator == "+" and type(left) is type(right) and isinstance(left, str | list | tuple):
        budget.room(len(cast("str", left)) + len(right))
    else:
        raise _wrong(operator, left, right)


def _wrong(operator: str, left: Any, right: Any) -> PromptError:
    for each in (left, right):
        if isinstance(each, Undefined):
            str(each)  # says what is missing
    kinds = f"{type(left).__name__} and {type(right).__name__}"
    return PromptError(f"{operator!r} does not go with {kinds}.", fix="Join texts with '~'.", code="prompt_operator")


def _called(budget: Budget, method: _Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if isinstance(method.value, str):
        if method.name == "replace":
            return _replace(budget, method.value, *args, **kwargs)
        if method.name == "join":
            return _join(budget, args[0] if args else (), method.value)
        if method.name in ("split", "splitlines"):
            budget.pay(len(method.value) >> 4)
        _pay_for_both(budget, method.name, method.value, args)
    found = getattr(method.value, method.name)(*args, **kwargs)
    return list(found) if isinstance(method.value, dict) and method.name != "get" else found


def _pay_for_both(budget: Budget, name: str, text: str, args: tuple[Any, ...]) -> None:
    """Of these each character of one text may be compared with each of the other, in one call that nothing can end."""
    if name in _PAIRWISE and args and isinstance(args[0], str):
        budget.pay(len(text) * len(args[0]) >> 10)


_PAIRWISE: Final = frozenset(("strip", "lstrip", "rstrip", "trim", "rfind", "rpartition"))


def _replace(budget: Budget, text: Any, old: Any = "", new: Any = "", count: Any = -1) -> str:
    text, old, new = written(text), written(old), written(new)
    times = text.count(old) if old else len(text) + 1
    if isinstance(count, int) and count >= 0:
        times = min(times, count)
    budget.room(len(text) + times * (len(new) - len(old)))
    return text.replace(old, new, times)


def _join(budget: Budget, values: Any, between: Any = "", attribute: Any = None) -> str:
    parts: list[str] = []
    size = 0
    separator = written(between)
    for value in values:
        part = written(value if attribute is None else value[attribute])
        size += len(part) + len(separator)
        budget.room(size)
        budget.pay()
        parts.append(part)
    return separator.join(parts)


def _range(budget: Any = None, *args: Any) -> Any:
    if not isinstance(budget, Budget):
        raise PromptError("'range' is called, not written.")
    if not args or not all(isinstance(each, int) for each in args):
        raise PromptError("'range' takes whole numbers.", fix="Write range(3) or range(1, 4).")
    made = range(*args)
    if len(made) > budget.bounds.items:
        raise PromptError(
            f"'range' gives at most {budget.bounds.items:,} numbers.",
            fix="Loop over less.",
            code="prompt_too_much_work",
        )
    return budget.charge(list(made))


# --- filters ---


def _bounded(filter_name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of Jinja2's that can make nothing much larger than what it is given, paid for."""
    wanted: Any = getattr(function, "jinja_pass_arg", None)
    needs = getattr(wanted, "name", "")

    @pass_context
    def run(context: Context, *args: Any, **kwargs: Any) -> Any:
        budget = budget_of(context)
        budget.pay()
        if filter_name in _OF_TEXTS:
            args = (written(args[0]), *args[1:])
            _pay_for_both(budget, filter_name, args[0], (*args[1:], *kwargs.values()))
        if args and isinstance(args[0], str | list | tuple | dict):
            budget.pay(len(cast("list[Any]", args[0])) >> 4)
        first = {"context": context, "eval_context": context.eval_ctx, "environment": context.environment}.get(needs)
        return budget.charge(function(*args, **kwargs) if first is None else function(first, *args, **kwargs))

    return run


@pass_context
def _do_replace(context: Context, text: Any, old: Any = "", new: Any = "", count: Any = -1) -> str:
    budget = budget_of(context)
    return cast("str", budget.charge(_replace(budget, text, old, new, -1 if count is None else count)))


@pass_context
def _do_join(context: Context, value: Any, d: Any = "", attribute: Any = None) -> str:
    budget = budget_of(context)
    values = value if attribute is None else [context.environment.getitem(each, attribute) for each in value]
    return cast("str", budget.charge(_join(budget, values, d)))


@pass_context
def _do_indent(context: Context, text: Any, width: Any = 4, first: bool = False, blank: bool = False) -> str:
    """As Jinja2's, with a bound on ``width``."""
    budget = budget_of(context)
    lines = written(text).split("\n")
    by = width if isinstance(width, str) else " " * min(max(int(width), 0), 200)
    budget.room(sum(len(line) for line in lines) + len(lines) * (len(by) + 1))
    made = [
        by + line if (number or first) and (line.strip() or (blank and number < len(lines) - 1)) else line
        for number, line in enumerate(lines)
    ]
    return cast("str", budget.charge("\n".join(made)))


@pass_context
def _do_round(context: Context, value: Any, precision: Any = 0, method: str = "common") -> float:
    budget_of(context).pay()
    if not isinstance(value, int | float) or not isinstance(precision, int) or abs(precision) > 15:
        raise PromptError("'round' takes a number, and at most 15 places.", fix="Correct what it is given.")
    return filters.do_round(value, precision, cast("Any", method))


@pass_context
def _do_sum(context: Context, value: Any, attribute: Any = None, start: Any = 0) -> int | float:
    """Of numbers."""
    budget = budget_of(context)
    total: Any = start
    for each in value:
        budget.pay()
        number = each if attribute is None else context.environment.getitem(each, attribute)
        if not isinstance(number, int | float) or not isinstance(total, int | float):
            raise PromptError("'sum' adds numbers.", fix="Join texts with 'join'.")
        total = budget.charge(total + number)
    return total


@pass_context
def _do_tojson(context: Context, value: Any, indent: Any = None) -> str:
    """JSON as a model reads it; nothing is escaped for HTML."""
    if isinstance(value, Undefined):
        str(value)  # says what is missing
    by = None if indent is None else min(max(int(indent), 0), 8)
    budget = budget_of(context)
    budget.charge(value)
    return cast("str", budget.charge(json.dumps(value, ensure_ascii=False, indent=by)))


@pass_context
def _do_string(context: Context, value: Any) -> str:
    return cast("str", budget_of(context).charge(written(value)))


@pass_context
def _counted(context: Context, value: Any) -> Any:
    """What a loop goes over: each round is paid for."""
    if isinstance(value, Undefined):
        str(value)  # says what is missing
    budget = budget_of(context)
    budget.pay()
    return budget.counted(value)


@pass_context
def _joined(context: Context, value: Any) -> str:
    """What ``~`` joins."""
    budget = budget_of(context)
    return cast("str", budget.charge(_join(budget, value)))


@pass_context
def _made(context: Context, value: Any) -> Any:
    """A list or an object that stands in the template."""
    return budget_of(context).charge(value)


_OWN: Final[dict[str, Callable[..., Any]]] = {
    "replace": _do_replace,
    "join": _do_join,
    "indent": _do_indent,
    "round": _do_round,
    "sum": _do_sum,
    "tojson": _do_tojson,
    "string": _do_string,
    COUNTED: _counted,
    JOINED: _joined,
    MADE: _made,
}
