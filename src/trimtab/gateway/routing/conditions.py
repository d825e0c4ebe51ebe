"""Conditions of a `when` node as one test of a call, and as words for the record."""

from collections.abc import Callable, Sequence

from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.types import Ability, If

Test = Callable[[Ask], bool]


def test_of(condition: If) -> Test:
    """All conditions must hold. The cheap ones are looked at first, those that read the body last."""
    tests = [*_cheap(condition), *_dear(condition)]
    if condition.not_ is not None:
        inner = test_of(condition.not_)
        tests.append(lambda ask: not inner(ask))
    if len(tests) == 1:
        return tests[0]
    return lambda ask: all(test(ask) for test in tests)


def _cheap(condition: If) -> list[Test]:
    tests: list[Test] = []
    if condition.stream is not None:
        stream = condition.stream
        tests.append(lambda ask: ask.head.stream is stream)
    if (longer := condition.longer_than) is not None:
        tests.append(lambda ask: len(ask.body) > longer)
    if (shorter := condition.shorter_than) is not None:
        tests.append(lambda ask: len(ask.body) < shorter)
    if condition.tags:
        tag_is = _among(condition.tags)
        tests.append(lambda ask: any(map(tag_is, ask.caller.tags)))
    if condition.user:
        user_is = _among(condition.user)
        tests.append(lambda ask: user_is(ask.caller.user))
    if condition.session:
        session_is = _among(condition.session)
        tests.append(lambda ask: session_is(ask.caller.session))
    if condition.feature:
        feature_is = _among(condition.feature)
        tests.append(lambda ask: feature_is(ask.caller.feature))
    if condition.key:
        keys = frozenset(condition.key)
        tests.append(lambda ask: ask.key_id in keys)
    tests += [_header(name, values) for name, values in condition.headers.items()]
    tests += [_metadata(name, values) for name, values in condition.metadata.items()]
    return tests


def _dear(condition: If) -> list[Test]:
    tests: list[Test] = []
    if condition.tools is not None:
        tools = condition.tools
        tests.append(lambda ask: ask.has_tools() is tools)
    if condition.images is not None:
        images = condition.images
        tests.append(lambda ask: ask.has_images() is images)
    if condition.needs:
        tests.append(_needs(condition.needs))
    if condition.language:
        languages = frozenset(condition.language)
        tests.append(lambda ask: ask.language() in languages)
    return tests


def _needs(abilities: tuple[Ability, ...]) -> Test:
    return lambda ask: any(ask.needs(ability) for ability in abilities)


def _header(name: str, values: tuple[str, ...]) -> Test:
    wanted, matches = name.encode(), _among(values or ("*",))

    def test(ask: Ask) -> bool:
        found = ask.header(wanted)
        return found is not None and matches(found.decode("utf-8", "replace"))

    return test


def _metadata(name: str, values: tuple[str, ...]) -> Test:
    matches = _among(values or ("*",))

    def test(ask: Ask) -> bool:
        found = ask.caller.metadata.get(name)
        return found is not None and matches(found)

    return test


def _among(wanted: Sequence[str]) -> Callable[[str], bool]:
    """A value is one of them, or begins as one that ends in ``*``. Nothing matches an empty value but itself."""
    whole = frozenset(word for word in wanted if not word.endswith("*"))
    starts = tuple(word[:-1] for word in wanted if word.endswith("*"))
    if not starts:
        return whole.__contains__
    return lambda value: value in whole or (value != "" and value.startswith(starts))


def words_of(condition: If) -> str:
    """The conditions as a person reads them: ``tags beta; longer than 4000``."""
    parts: list[str] = []
    lists: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("tags", condition.tags), ("user", condition.user), ("session", condition.session),
        ("feature", condition.feature), ("key", condition.key), ("needs", condition.needs),
        ("language", condition.language),
    )  # fmt: skip
    parts += [f"{name} {' or '.join(values)}" for name, values in lists if values]
    for kind in ("headers", "metadata"):
        values_of: dict[str, tuple[str, ...]] = getattr(condition, kind)
        parts += [f"{kind[:-1] if kind == 'headers' else kind} {n} {' or '.join(v)}" for n, v in values_of.items()]
    if condition.longer_than is not None:
        parts.append(f"longer than {condition.longer_than}")
    if condition.shorter_than is not None:
        parts.append(f"shorter than {condition.shorter_than}")
    for name in ("stream", "tools", "images"):
        if (value := getattr(condition, name)) is not None:
            parts.append(name if value else f"no {name}")
    if condition.not_ is not None:
        parts.append(f"not ({words_of(condition.not_)})")
    return "; ".join(parts)
