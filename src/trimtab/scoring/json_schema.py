"""Whether JSON fits a JSON Schema: the validation vocabulary of draft 2020-12, and of draft 7 what differs.

https://json-schema.org/draft/2020-12/json-schema-validation. References lead within the schema only (``#/...``):
nothing is fetched. ``format`` is an annotation there, and so it is here. What is not understood (``unevaluated*``,
references elsewhere, patterns beyond `linear.Pattern`) raises `InvalidRequest`: a schema half read would let pass what
it forbids. The work is counted, so that no schema takes for ever.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, cast
from urllib.parse import unquote

from trimtab.core.errors import InvalidRequest
from trimtab.scoring.linear import Pattern, TooMuch
from trimtab.scoring.texts import shown

MOST_MISTAKES: Final = 20
WORK: Final = 200_000
"""Schemas applied to values in one check."""
_UNKNOWN: Final = ("unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef")
_KINDS: Final = ("boolean", "null", "integer", "number", "string", "array", "object")


def mistakes(value: Any, schema: Any) -> list[str]:
    """Where and how a JSON value breaks a schema, each a sentence beginning with a JSON Pointer; empty where it fits.
    Raises `InvalidRequest` for a schema that cannot be read, `TooMuch` beyond `WORK`."""
    check = _Check(schema)
    try:
        check.apply(value, schema, "")
    except RecursionError as error:
        raise TooMuch from error
    return check.found


def same(one: Any, other: Any) -> bool:
    """JSON's equality: 1 is 1.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        left, right = cast("list[Any]", one), cast("list[Any]", other)
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(one, dict) and isinstance(other, dict):
        mine, theirs = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return mine.keys() == theirs.keys() and all(same(mine[key], theirs[key]) for key in mine)
    return bool(one == other)


def kind_of(value: Any) -> str:
    """JSON's type of a value; ``integer`` for whole numbers."""
    return next(kind for kind in _KINDS if _is(value, kind))


class _Check:
    def __init__(self, root: Any) -> None:
        self.root = root
        self.found: list[str] = []
        self._work = WORK
        self._patterns: dict[str, Pattern] = {}

    def apply(self, value: Any, schema: Any, at: str) -> bool:
        """Whether the value fits; mistakes are noted."""
        self._work -= 1
        if self._work < 0:
            raise TooMuch
        if schema is True:
            return True
        if schema is False:
            return self._tell(at, "is not allowed")
        if not isinstance(schema, dict):
            raise _unread("what is no object stands where a schema must")
        rules = cast("dict[str, Any]", schema)
        for name in _UNKNOWN:
            if name in rules:
                raise _unread(f"{name!r} is not understood")
        before = len(self.found)
        good = True
        if "$ref" in rules:
            good = self.apply(value, self._resolve(rules["$ref"]), at)
        for check in (self._any_kind, self._numbers, self._texts, self._arrays, self._objects, self._combined):
            good = check(value, rules, at) and good
        return good and len(self.found) == before

    def _tell(self, at: str, what: str) -> bool:
        if len(self.found) < MOST_MISTAKES:
            self.found.append(f"{at or '(the whole)'} {what}")
        return False

    def _fits(self, value: Any, schema: Any, at: str) -> bool:
        """`apply` without noting anything: for the branches of combinations."""
        kept, self.found = self.found, []
        try:
            return self.apply(value, schema, at)
        finally:
            self.found = kept

    def _resolve(self, ref: Any) -> Any:
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            raise _unread(f"the reference {shown(ref)} leads elsewhere; only '#/...' is followed")
        place: Any = self.root
        for part in ref[2:].split("/") if len(ref) > 1 else ():
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(place, dict) and key in place:
                place = cast("dict[str, Any]", place)[key]
            elif isinstance(place, list) and key.isdecimal() and int(key) < len(cast("list[Any]", place)):
                place = cast("list[Any]", place)[int(key)]
            else:
                raise _unread(f"the reference {ref!r} leads nowhere")
        return place

    def _pattern(self, pattern: Any) -> Pattern:
        if not isinstance(pattern, str):
            raise _unread(f"{shown(pattern)} is no pattern")
        if pattern not in self._patterns:
            self._patterns[pattern] = Pattern(pattern)
        return self._patterns[pattern]

    def _any_kind(self, value: Any, rules: dict[str, Any], at: str) -> bool:
        kinds = rules.get("type")
        if kinds is not None:
            names = cast("list[Any]", kinds) if isinstance(kinds, list) else [kinds]
            if not all(name in _KINDS for name in names):
                raise _unread(f"there is no type {shown(kinds)}")
            if not any(_is(value, name) for name in names):
                return self._tell(at, f"is {kind_of(value)} and must be {' or '.join(names)}")
        if "const" in rules and not same(value, rules["const"]):
            return self._tell(at, f"is {shown(value)} and must be {shown(rules['const'])}")
        choices = rules.get("enum")
        if choices is not None and not any(same(value, each) for each in _list(choices, "enum")):
            return self._tell(at, f"is {shown(value)} and must be one of {shown(choices)}")
        return True

    def _numbers(self, value: Any, rules: dict[str, Any], at: str) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        good = True
        for name, holds, words in _BOUNDS:
            if name in rules and not holds(value, _number(rules[name], name)):
                good = self._tell(at, f"is {shown(value)} and must be {words} {shown(rules[name])}")
        step = rules.get("multipleOf")
        if step is not None:
            divisor = _fraction(_number(step, "multipleOf"))
            if divisor <= 0:
                raise _unread("'multipleOf' must be above 0")
            if (_fraction(value) / divisor).denominator != 1:
                good = self._tell(at, f"is {shown(value)} and must be a multiple of {shown(step)}")
        return good

    def _texts(self, value: Any, rules: dict[str, Any], at: str) -> bool:
        if not isinstance(value, str):
            return True
        good = self._counted(len(value), rules, at, "Length", "characters")
        if "pattern" in rules and not self._pattern(rules["pattern"]).found(value):
            good = self._tell(at, f"does not match {shown(rules['pattern'])}")
        return good

    def _counted(self, count: int, rules: dict[str, Any], at: str, of: str, what: str) -> bool:
        good = True
        if f"min{of}" in rules and count < _number(rules[f"min{of}"], f"min{of}"):
            good = self._tell(at, f"has {count} {what} and must have {rules[f'min{of}']} at least")
        if f"max{of}" in rules and count > _number(rules[f"max{of}"], f"max{of}"):
            good = self._tell(at, f"has {count} {what} and must have {rules[f'max{of}']} at most")
        return good

    def _arrays(self, value: Any, rules: dict[str, Any], at: str) -> bool:
        if not isinstance(value, list):
            return True
        items = cast("list[Any]", value)
        good = self._counted(len(items), rules, at, "Items", "items")
        first, rest = rules.get("prefixItems", ()), rules.get("items", True)
        if isinstance(rest, list):  # draft 7 and before
            first, rest = cast("list[Any]", rest), rules.get("additionalItems", True)
        prefix = _list(first, "prefixItems") if first != () else []
        for number, item in enumerate(items):
            schema = prefix[number] if number < len(prefix) else rest
            if schema is not True:
                good = self.apply(item, schema, f"{at}/{number}") and good
        if rules.get("uniqueItems") is True and self._twice(items):
            good = self._tell(at, "has an item twice")
        if "contains" in rules:
            there = sum(self._fits(item, rules["contains"], f"{at}/{number}") for number, item in enumerate(items))
            if there < _number(rules.get("minContains", 1), "minContains"):
                good = self._tell(at, "lacks an item that it must contain")
            if "maxContains" in rules and there > _number(rules["maxContains"], "maxContains"):
                good = self._tell(at, "has too many items of those that it must contain")
        return good

    def _twice(self, items: list[Any]) -> bool:
        self._work -= len(items) * (len(items) - 1) // 2
        if self._work < 0:
            raise TooMuch
        return any(same(items[one], items[other]) for one in range(len(items)) for other in range(one))

    def _objects(self, value: Any, rules: dict[str, Any], at: str) -> bool:
        if not isinstance(value, dict):
            return True
        members = cast("dict[str, Any]", value)
        good = self._counted(len(members), rules, at, "Properties", "properties")
        for name in _list(rules.get("required", []), "required"):
            if name not in members:
                good = self._tell(at, f"lacks {shown(name)}")
        properties = _object(rules.get("properties", {}), "properties")
        patterns = _object(rules.get("patternProperties", {}), "patternProperties")
        others = rules.get("additionalProperties", True)
        for name, member in members.items():
            place = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
            schemas = [properties[name]] if name in properties else []
            schemas += [schema for pattern, schema in patterns.items() if self._pattern(pattern).found(name)]
            for schema in schemas or ([] if others is True else [others]):
                good = self.apply(member, schema, place) and good
            if "propertyNames" in rules:
                good = self.apply(name, rules["propertyNames"], place) and good
        return self._dependent(members, rules, at) and good

    def _dependent(self, members: dict[str, Any], rules: dict[str, Any], at: str) -> bool:
        good = True
        for word in ("dependentRequired", "dependentSchemas", "dependencies"):
            for name, needed in _object(rules.get(word, {}), word).items():
                if name not in members:
                    continue
                if isinstance(needed, list):
                    for other in cast("list[Any]", needed):
                        if other not in members:
                            good = self._tell(at, f"has {shown(name)} and lacks {shown(other)}")
                else:
                    good = self.apply(members, needed, at) and good
        return good

    def _combined(self, value: Any, rules: dict[str, Any], at: str) -> bool:
        good = True
        for schema in _list(rules.get("allOf", []), "allOf"):
            good = self.apply(value, schema, at) and good
        if "anyOf" in rules and not any(self._fits(value, each, at) for each in _list(rules["anyOf"], "anyOf")):
            good = self._tell(at, "fits none of the schemas of which it must fit one")
        if "oneOf" in rules:
            fits = sum(self._fits(value, each, at) for each in _list(rules["oneOf"], "oneOf"))
            if fits != 1:
                good = self._tell(at, f"fits {fits} of the schemas of which it must fit exactly one")
        if "not" in rules and self._fits(value, rules["not"], at):
            good = self._tell(at, "fits what it must not fit")
        if "if" in rules:
            branch = "then" if self._fits(value, rules["if"], at) else "else"
            good = self.apply(value, rules.get(branch, True), at) and good
        return good


_BOUNDS: Final[tuple[tuple[str, Callable[[Any, Any], bool], str], ...]] = (
    ("minimum", lambda value, bound: value >= bound, "at least"),
    ("maximum", lambda value, bound: value <= bound, "at most"),
    ("exclusiveMinimum", lambda value, bound: value > bound, "above"),
    ("exclusiveMaximum", lambda value, bound: value < bound, "below"),
)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, _PYTHON[kind])


_PYTHON: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (),
    "null": (type(None),),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def _fraction(value: float) -> Fraction:
    return Fraction(Decimal(repr(value)))


def _number(value: Any, word: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unread(f"{word!r} must be a number")
    return value


def _list(value: Any, word: str) -> list[Any]:
    if not isinstance(value, list):
        raise _unread(f"{word!r} must be a list")
    return cast("list[Any]", value)


def _object(value: Any, word: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unread(f"{word!r} must be an object")
    return cast("dict[str, Any]", value)


def _unread(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The JSON Schema cannot be used: {why}.", fix="Give a schema of draft 2020-12 that is whole.", param="schema"
    )
