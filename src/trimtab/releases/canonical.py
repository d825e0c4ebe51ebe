"""The normal form of drafts and of frozen contents, and the hash of the latter: the same on every server, in every
process and with every version of Python.

Within JSON the rules are those of prompts (`prompts/canonical.py`): line ends are LF, whole numbers are whole (1.0 is
1). The order of names does not count where nobody sees it: of parameters, variables, models, policy rules, and
anywhere in the route, the context and the cache policy and the metadata. It does within the value of a parameter or a
variable, in a tool, in the output schema and in a rule, since models and templates see that.

The hash is SHA-256 over `MARK` and the normal form as JSON (`fields`): UTF-8, no spaces. A prompt counts with its
name, its content and what it includes, but not with its version: a folder of files has the same hash on every server.
"""

import hashlib
import json
from typing import Any, Final, TypeVar, cast

from msgspec import UNSET, structs

from trimtab.core.errors import InvalidRequest
from trimtab.prompts import canonical as prompts
from trimtab.prompts.canonical import plain, text_of
from trimtab.prompts.types import Bundle, PromptError, Source
from trimtab.releases.types import AppSpec, Content, Knowledge, PinnedKnowledge

MARK: Final = b"trimtab-release-1\n"
MAX_DESCRIPTION: Final = 4000
MOST: Final = 500
"""Names in one of the objects of a draft, and tools."""
T = TypeVar("T")


def draft(spec: AppSpec) -> AppSpec:
    """The normal form of a draft. Raises `InvalidRequest` for what no app can say; whether what it names is there is
    `freeze.freeze`'s to judge."""
    try:
        made = _draft(spec)
    except PromptError as error:
        raise InvalidRequest(error.message, fix=error.fix, param=error.param, code="app_invalid") from error
    if len(made.description) > MAX_DESCRIPTION:
        raise InvalidRequest(
            f"A description has at most {MAX_DESCRIPTION:,} characters.", fix="Shorten it.", param="description"
        )
    for name in ("parameters", "policy", "variables", "metadata", "knowledge", "guards"):
        if len(getattr(made, name)) > MOST:
            raise InvalidRequest(f"{name!r} has at most {MOST} entries.", fix="Use fewer.", param=name)
    if made.tools is not UNSET and len(made.tools) > MOST:
        raise InvalidRequest(f"An app has at most {MOST} tools.", fix="Use fewer.", param="tools")
    return made


def _draft(spec: AppSpec) -> AppSpec:
    return AppSpec(
        description=text_of(spec.description).strip(),
        prompt=None if spec.prompt is None else text_of(spec.prompt).strip() or None,
        route=text_of(spec.route).strip() if isinstance(spec.route, str) else ordered(plain(spec.route, "route")),
        parameters=by_name(spec.parameters, "parameters"),
        tools=UNSET if spec.tools is UNSET else tuple(plain(tool, "tools") for tool in spec.tools),
        output_schema=UNSET if spec.output_schema is UNSET else plain(spec.output_schema, "output_schema"),
        policy=by_name(spec.policy, "policy"),
        variables=by_name(spec.variables, "variables"),
        context=None if spec.context is None else ordered(plain(spec.context, "context")),
        cache=None if spec.cache is None else ordered(plain(spec.cache, "cache")),
        knowledge=tuple(map(_knowledge, spec.knowledge)),
        guards=tuple(text_of(each) for each in spec.guards),
        metadata=ordered(plain(spec.metadata, "metadata")),
    )


def _knowledge(given: str | Knowledge) -> str | Knowledge:
    """A name alone where nothing else is said of it."""
    if isinstance(given, str):
        return text_of(given).strip()
    made = structs.replace(given, corpus=text_of(given.corpus).strip(), query=text_of(given.query).strip())
    if made.least is not None:
        made = structs.replace(made, least=float(made.least))
    return made.corpus if made == Knowledge(corpus=made.corpus) else made


def normal(content: Content) -> Content:
    """The normal form of a frozen content. Raises `InvalidRequest` for what JSON cannot hold."""
    try:
        return structs.replace(
            content,
            route=content.route if isinstance(content.route, str) else ordered(plain(content.route, "route")),
            models={name: content.models[name] for name in sorted(content.models)},
            affinity=None if content.affinity is None else ordered(plain(content.affinity, "affinity")),
            parameters=by_name(content.parameters, "parameters"),
            tools=tuple(plain(tool, "tools") for tool in content.tools),
            output_schema=None if content.output_schema is None else plain(content.output_schema, "output_schema"),
            policy=by_name(content.policy, "policy"),
            variables=by_name(content.variables, "variables"),
            context=None if content.context is None else ordered(plain(content.context, "context")),
            cache=None if content.cache is None else ordered(plain(content.cache, "cache")),
            guards=tuple(structs.replace(g, spec=ordered(plain(g.spec, "guards"))) for g in content.guards),
            metadata=ordered(plain(content.metadata, "metadata")),
        )
    except PromptError as error:
        raise InvalidRequest(error.message, fix=error.fix, param=error.param, code="app_invalid") from error


def by_name(values: dict[str, Any], what: str) -> dict[str, Any]:
    """In order of name; what is below a name keeps its order."""
    made = plain(values, what)
    return {name: made[name] for name in sorted(made)}


def ordered(value: T) -> T:
    """A JSON value with the names of every object in order."""
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        return cast("T", {name: ordered(found[name]) for name in sorted(found)})
    if isinstance(value, list):
        return cast("T", [ordered(each) for each in cast("list[Any]", value)])
    return value


def fields(content: Content) -> dict[str, Any]:
    """A normal form as plain JSON, without what says nothing. Spelled out, since this is what hashes are made of: no
    library's idea of a default may change it."""
    found: dict[str, Any] = {
        "prompt": {} if content.prompt is None else _bundle(content.prompt),
        "route": content.route,
        "models": {name: {"provider": m.provider, "upstream": m.upstream} for name, m in content.models.items()},
        "affinity": content.affinity,
        "parameters": content.parameters,
        "tools": list(content.tools),
        "output_schema": content.output_schema,
        "policy": content.policy,
        "variables": content.variables,
        "context": content.context,
        "cache": content.cache,
        "knowledge": [_pinned(each) for each in content.knowledge],
        "guards": [{"name": g.name, "version": g.version, "spec": g.spec} for g in content.guards],
        "metadata": content.metadata,
    }
    empty_says_something = ("output_schema", "affinity", "context", "cache")
    return {name: v for name, v in found.items() if v or (v is not None and name in empty_says_something)}


def _pinned(of: PinnedKnowledge) -> dict[str, Any]:
    """A version counts by its content, wherever it has which number."""
    which = {"follow": True} if of.follow else {"digest": of.digest}
    return {
        "corpus": of.corpus,
        **which,
        "top": of.top,
        "least": None if of.least is None else plain(of.least, "knowledge"),
        "tokens": of.tokens,
        "mode": of.mode,
        "query": of.query,
        "on_failure": of.on_failure,
        "timeout_ms": of.timeout_ms,
        "layout": of.layout,
    }


def _bundle(bundle: Bundle) -> dict[str, Any]:
    made = _source(bundle.prompt)
    if bundle.includes:
        made["includes"] = {ref: _source(bundle.includes[ref]) for ref in sorted(bundle.includes)}
    return made


def _source(source: Source) -> dict[str, Any]:
    return {"name": source.name, "content": prompts.fields(source.content)}


def canonical(content: Content) -> bytes:
    """JSON of a normal form; what the hash is over."""
    return json.dumps(fields(content), ensure_ascii=False, separators=(",", ":")).encode()


def content_hash(content: Content) -> str:
    """``sha256:`` and 64 hex digits, of a normal form."""
    return f"sha256:{hashlib.sha256(MARK + canonical(content)).hexdigest()}"
