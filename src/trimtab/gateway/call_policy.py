"""What a team decides for one name that clients call (a model's or a route's), beside where its calls go: whether
answers are kept and given again, and how long conversations are shortened. Off unless said otherwise.

A policy belongs to the called name, so it holds for models, routes and ``provider/model-id`` alike. Those of the config
file win over the catalog's by name, as models do.
"""

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, String, Table, Text, delete, insert, select

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.gateway.routing.types import Route
from trimtab.gateway.targets import ProjectTargets
from trimtab.governance.projects import REVISION
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

POLICIES = Table(
    "call_policies",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("policy", Text, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

LONGEST_TTL_S = 31 * 86_400.0
LEAST_THRESHOLD = 0.5
"""Below this cosine similarity two texts merely share a topic."""

CacheMode = Literal["exact", "semantic"]
CacheScope = Literal["project", "key", "user"]


class CachePolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``exact`` gives a stored answer to the same request; ``semantic`` also to one whose last question means the same.

    ``ttl_s``: seconds an answer is kept. ``scope``: who shares answers: the whole project, one key, or one key and end
    user; by default the project for ``exact`` and the key for ``semantic``, where the answer was made for other words.
    ``sampled``: also keep answers that were drawn at random (a temperature above 0, which is what providers take where
    none is given); without it only requests with temperature 0 are kept. ``threshold``: the least cosine similarity of
    a semantic hit; by default the one that was measured (`docs/cache.md`).
    """

    mode: CacheMode = "exact"
    ttl_s: float = 3600.0
    scope: CacheScope | None = None
    sampled: bool = False
    threshold: float | None = None

    @property
    def shared_by(self) -> CacheScope:
        return self.scope or ("project" if self.mode == "exact" else "key")


class ContextPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a conversation is shortened before it goes to a provider; each step is off at None or False.

    ``max_tokens``: the oldest turns are dropped until the estimate is at most this. ``keep_turns``: how many of the
    last turns are never dropped. ``deduplicate``: where a long text of the user or of a tool stands again, a note
    stands for it. ``tool_result_tokens``: a tool's result (which is where retrieved text travels) longer than
    this keeps its beginning and its end. ``old_turn_tokens``: a message before the last ``keep_turns`` turns that is
    longer than this is compressed to its most telling sentences (`digest.py`).
    """

    max_tokens: int | None = None
    keep_turns: int = 2
    deduplicate: bool = False
    tool_result_tokens: int | None = None
    old_turn_tokens: int | None = None


class CallPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What holds for the calls of one name."""

    cache: CachePolicy | None = None
    context: ContextPolicy | None = None


class PolicyRow(Struct, frozen=True, kw_only=True):
    """``updated`` is Unix ms."""

    project_id: str
    name: str
    policy: CallPolicy
    updated: int = 0


# --- rules; used by the config file too ---


def check_cache(policy: CachePolicy) -> None:
    """Raises `InvalidRequest` for bounds that make no sense."""
    if not 1 <= policy.ttl_s <= LONGEST_TTL_S:
        raise InvalidRequest(
            f"'ttl_s' must be from 1 second to 31 days ({LONGEST_TTL_S:g}).", fix="Give e.g. 3600.", param="cache.ttl_s"
        )
    if policy.threshold is not None:
        if policy.mode != "semantic":
            raise InvalidRequest(
                "A threshold belongs to a semantic cache.",
                fix="Set the mode to 'semantic', or leave the threshold out.",
                param="cache.threshold",
            )
        if not LEAST_THRESHOLD <= policy.threshold <= 1:
            raise InvalidRequest(
                f"'threshold' must be from {LEAST_THRESHOLD:g} to 1.",
                fix="Choose it with: trimtab cache tune",
                param="cache.threshold",
            )


def check_context(policy: ContextPolicy) -> None:
    """Raises `InvalidRequest` for bounds that make no sense, or for a policy that does nothing."""
    for name, value, low in (
        ("max_tokens", policy.max_tokens, 64),
        ("tool_result_tokens", policy.tool_result_tokens, 16),
        ("old_turn_tokens", policy.old_turn_tokens, 16),
        ("keep_turns", policy.keep_turns, 1),
    ):
        if value is not None and not low <= value <= 10_000_000:
            raise InvalidRequest(
                f"{name!r} must be from {low} to 10000000.", fix="Give a whole number.", param=f"context.{name}"
            )
    bounds = (policy.max_tokens, policy.tool_result_tokens, policy.old_turn_tokens)
    if bounds == (None, None, None) and not policy.deduplicate:
        raise InvalidRequest(
            "This context policy would change nothing.",
            fix="Set max_tokens, old_turn_tokens, tool_result_tokens or deduplicate, or leave the policy out.",
            param="context",
        )


def check(policy: CallPolicy) -> None:
    """Raises `InvalidRequest`."""
    if policy.cache is not None:
        check_cache(policy.cache)
    if policy.context is not None:
        check_context(policy.context)


# --- the catalog ---


def policies(conn: Connection, project_id: str | None = None) -> list[PolicyRow]:
    """All of them, or one project's, by name."""
    query = select(POLICIES).order_by(POLICIES.c.project_id, POLICIES.c.name)
    if project_id is not None:
        query = query.where(POLICIES.c.project_id == project_id)
    return [
        PolicyRow(
            project_id=row.project_id,
            name=row.name,
            policy=msgspec.json.decode(row.policy, type=CallPolicy),
            updated=row.updated,
        )
        for row in conn.execute(query)
    ]


def put(conn: Connection, project_id: str, name: str, policy: CallPolicy, now: int) -> PolicyRow:
    """Write the policy of one called name, whole. Raises `InvalidRequest`. ``now`` is Unix ms."""
    check(policy)
    _drop(conn, project_id, name)
    values = {"project_id": project_id, "name": name, "policy": msgspec.json.encode(policy).decode(), "updated": now}
    conn.execute(insert(POLICIES).values(values))
    bump(conn, REVISION)
    return PolicyRow(project_id=project_id, name=name, policy=policy, updated=now)


def remove(conn: Connection, project_id: str, name: str) -> None:
    """Raises `NotFound` where there is none."""
    if not _drop(conn, project_id, name):
        raise NotFound(
            f"There is no policy for {name[:80]!r}.",
            fix="List them with: trimtab cache policies",
            code="policy_not_found",
        )
    bump(conn, REVISION)


def _drop(conn: Connection, project_id: str, name: str) -> int:
    return conn.execute(delete(POLICIES).where(POLICIES.c.project_id == project_id, POLICIES.c.name == name)).rowcount


# --- as the data plane holds them ---


class CompiledPolicy(Struct, frozen=True):
    """A policy and what stands behind the name now: an answer of another model must not be given for it."""

    policy: CallPolicy
    salt: bytes


def salt(name: str, targets: ProjectTargets, routes: Mapping[str, Route]) -> bytes | None:
    """What answers to a name depend on beside the request: another model or route behind it must not give the answers
    of the old one. None for a name that means nothing here."""
    route = routes.get(name)
    if route is not None:
        below = "".join(sorted(f"{m.name}={m.provider}/{m.upstream};" for m in targets.models.values()))
        return b"route:" + msgspec.json.encode(route.tree) + below.encode()
    model = targets.models.get(name)
    if model is not None:
        return f"model:{model.provider}/{model.upstream}:{','.join(model.fallback)}".encode()
    provider, slash, upstream = name.partition("/")
    return f"raw:{name}".encode() if slash and upstream and provider in targets.providers else None


def compiled(
    policies: Mapping[str, CallPolicy], targets: ProjectTargets, routes: Mapping[str, Route]
) -> dict[str, CompiledPolicy]:
    """By called name; those of names that mean nothing are left out."""
    found: dict[str, CompiledPolicy] = {}
    for name, policy in policies.items():
        standing = salt(name, targets, routes)
        if standing is not None and (policy.cache is not None or policy.context is not None):
            found[name] = CompiledPolicy(policy, hashlib.blake2b(standing, digest_size=16).digest())
    return found
