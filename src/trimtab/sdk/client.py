"""`Client`: one method per question. Every method asks once and returns a struct, or raises an error of
`trimtab.core.errors`; only `traces` and `tail` ask more than once, as their iteration goes on."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from msgspec import Raw, Struct

from trimtab.sdk import cache_types as c
from trimtab.sdk import limit_types as m
from trimtab.sdk import release_types as rel
from trimtab.sdk import route_types as r
from trimtab.sdk import said as f
from trimtab.sdk import types as t
from trimtab.sdk.compliance import Compliance
from trimtab.sdk.connection import TIMEOUT_S, Connection, management_key, path, server_url
from trimtab.sdk.costs import Costs
from trimtab.sdk.datasets import Datasets
from trimtab.sdk.directories import Directories
from trimtab.sdk.experiments import Experiments, Suites
from trimtab.sdk.folders import Folders
from trimtab.sdk.forwards import Forwards
from trimtab.sdk.guards import Guards
from trimtab.sdk.judges import Judges
from trimtab.sdk.kept import Kept
from trimtab.sdk.knowledge import Knowledge
from trimtab.sdk.letters import Letters
from trimtab.sdk.online import Online
from trimtab.sdk.people import People
from trimtab.sdk.policies import Policies
from trimtab.sdk.prompt_api import Prompts
from trimtab.sdk.redteam import Redteam
from trimtab.sdk.releases import Apps, Releases
from trimtab.sdk.review import Review
from trimtab.sdk.rollouts import Rollouts
from trimtab.sdk.scorers import Scorers
from trimtab.sdk.scores import Scores
from trimtab.sdk.search import Boards, Search
from trimtab.sdk.seen import Seen
from trimtab.sdk.tail import tail

if TYPE_CHECKING:
    from trimtab.sdk.prompts import Prompt, PromptCache

T = TypeVar("T")
PAGE = 100


class _Items(Struct):
    cursor: str | None = None


class _Projects(_Items):
    items: list[t.Project] = []


class _Keys(_Items):
    items: list[t.Key] = []


class _Providers(_Items):
    items: list[t.Provider] = []


class _Models(_Items):
    items: list[t.Model] = []


class _Policies(_Items):
    items: list[t.Resilience] = []


class _Targets(_Items):
    items: list[t.Target] = []


class Client:
    """A server's management API. ``base_url`` defaults to ``TRIMTAB_URL``, ``api_key`` to ``TRIMTAB_ADMIN_KEY`` or
    ``TRIMTAB_API_KEY``. A project is named by its slug; times are Unix milliseconds. Usable as a context manager."""

    def __init__(self, base_url: str | None = None, api_key: str | None = None, *, timeout: float = TIMEOUT_S) -> None:
        self._http = Connection(server_url(base_url), management_key(api_key), timeout)
        self.costs = Costs(self._http)
        self.directories = Directories(self._http)
        self.folders = Folders(self._http)
        self.forwards = Forwards(self._http)
        self.judges = Judges(self._http)
        self.guards = Guards(self._http)
        self.kept = Kept(self._http)
        self.knowledge = Knowledge(self._http)
        self.letters = Letters(self._http)
        self.online = Online(self._http)
        self.people = People(self._http)
        self.access_policies = Policies(self._http)
        self.prompts = Prompts(self._http)
        self.apps = Apps(self._http)
        self.releases = Releases(self._http)
        self.review = Review(self._http)
        self.rollouts = Rollouts(self._http)
        self.datasets = Datasets(self._http)
        self.suites = Suites(self._http)
        self.experiments = Experiments(self._http)
        self.redteam = Redteam(self._http)
        self.compliance = Compliance(self._http)
        self.scorers = Scorers(self._http)
        self.scores = Scores(self._http)
        self.search = Search(self._http)
        self.seen = Seen(self._http)
        self.boards = Boards(self._http)
        self._prompt_caches: dict[tuple[str, str], PromptCache] = {}

    @property
    def url(self) -> str:
        return self._http.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # --- prompts in an application ---

    def prompt(
        self, name: str, ref: str = "latest", *, project: str | None = None, shipped: str | Path | None = None
    ) -> "Prompt":
        """A prompt to render: ``client.prompt("support").render(customer="Ada")``. Fetched once, kept, and
        refreshed in the background; where the server cannot be reached, the last one known on disk, or
        ``NAME.prompt.md`` in the folder ``shipped``. ``project`` defaults to ``TRIMTAB_PROJECT``, then ``default``."""
        from trimtab.sdk.prompts import PromptCache, default_folder

        project = project or os.environ.get("TRIMTAB_PROJECT") or "default"
        key = (project, str(shipped or ""))
        found = self._prompt_caches.get(key)
        if found is None:
            folder = None if shipped is None else Path(shipped)
            made = PromptCache(self._http, project, folder=default_folder(), shipped=folder)
            found = self._prompt_caches.setdefault(key, made)
        return found.get(name, ref)

    def release(self, app: str, message: str = "", *, project: str | None = None, **more: Any) -> rel.Created:
        """Freeze an app's draft; ``created`` is false where nothing changed. ``project`` defaults to
        ``TRIMTAB_PROJECT``, then ``default``; ``more`` as in `Releases.create`."""
        project = project or os.environ.get("TRIMTAB_PROJECT") or "default"
        return self.releases.create(project, app, message, **more)

    # --- what users say ---

    def feedback(self, answer: Any = None, *, project: str | None = None, **said: Unpack[f.Said]) -> list[str]:
        """What a user thinks of an answer: ``client.feedback(completion, thumbs="up", user="ada")``. ``answer`` is what
        an official client returned, or the id of a request or trace. Durable when this returns; the ids of the scores
        that it became. ``project`` is for keys of the whole server."""
        return f.give(self._http, answer, project, said)

    def feedback_summary(self, project: str, **query: Any) -> dict[str, Any]:
        """How many users said something, and what the mean of it is worth: ``q``, ``start``, ``end``, ``group_by``."""
        return f.summary(self._http, project, query)

    # --- the server ---

    def me(self) -> t.Me:
        """Who this key is."""
        return self._http.ask("GET", path("me"), t.Me)

    def status(self) -> t.ServerStatus:
        return self._http.ask("GET", path("status"), t.ServerStatus)

    def login_link(self) -> t.LoginLink:
        """A link that opens the console once, with this key's permissions."""
        return self._http.ask("POST", path("login-links"), t.LoginLink)

    # --- projects and keys ---

    def projects(self) -> list[t.Project]:
        return self._all(_Projects, path("projects"))

    def create_project(self, slug: str, name: str = "", *, capture_content: bool = True) -> t.Project:
        body = {"slug": slug, "name": name, "capture_content": capture_content}
        return self._http.ask("POST", path("projects"), t.Project, body=body)

    def change_project(self, slug: str, **changes: Any) -> t.Project:
        """``name``, ``capture_content``, ``audit_reads``; what is left out stays. With ``expected_revision`` it is
        `Conflict` where somebody changed it since."""
        return self._http.ask("PATCH", path("projects", slug), t.Project, body=changes)

    def keys(self, project: str, *, q: str = "", state: str | None = None, owner: str | None = None) -> list[t.Key]:
        """Newest first. ``q``: words in the name, how the secret starts, or a whole id; ``state``: only those that are
        ``active``, ``expired``, ``revoked``, or ``ended`` (either); ``owner``: only those of this member or service
        account, by its id."""
        return self._all(_Keys, path("projects", project, "keys"), q=q or None, state=state, owner=owner, limit=500)

    def create_key(
        self,
        project: str,
        name: str,
        *,
        role: str = "client",
        expires: int | None = None,
        environments: Sequence[str] | None = None,
        **scope: Unpack[t.KeyScope],
    ) -> t.IssuedKey:
        """``role`` is ``client`` (calls models), ``read_only`` (reads the API), ``reviewer`` (reads traces, works
        review queues), ``editor`` (also changes prompts, releases and rollouts), or a member's role.
        ``environments`` are those in which its calls may name an app, None for all; ``scope`` what else narrows it."""
        chosen = None if environments is None else list(environments)
        body = {"name": name, "role": role, "expires": expires, "environments": chosen, **scope}
        return self._http.ask("POST", path("projects", project, "keys"), t.IssuedKey, body=body)

    def revoke_key(self, project: str, key_id: str) -> None:
        """When this returns, no worker accepts the key any more."""
        self._http.ask("DELETE", path("projects", project, "keys", key_id), type(None))

    # --- providers and models ---

    def providers(self, project: str) -> list[t.Provider]:
        return self._all(_Providers, path("projects", project, "providers"))

    def create_provider(
        self,
        project: str,
        name: str,
        *,
        kind: str = "custom",
        dialect: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        api_keys: list[str] | None = None,
        **besides: Unpack[t.Besides],
    ) -> t.Provider:
        """``api_keys`` are several keys instead of the one, used in turn. ``options`` are what the kind asks for
        besides, e.g. ``{"region": "eu-west-1"}`` of ``bedrock``; ``headers`` are sent besides."""
        body: dict[str, object] = {"name": name, "kind": kind, "dialect": dialect, "base_url": base_url}
        body |= {"api_key": api_key, "api_keys": api_keys or []}
        body |= {name: besides.get(name) or {} for name in ("options", "headers")}
        return self._http.ask("POST", path("projects", project, "providers"), t.Provider, body=body)

    def change_provider(self, project: str, name: str, **changes: object) -> t.Provider:
        """``changes`` are any of ``base_url``, ``api_key``, ``api_keys``, ``headers``, ``options``; what is not given
        stays. What is kept of keys, secret headers and options goes to no other address than it was given for: a
        ``base_url`` elsewhere is refused (`InvalidRequest`, ``secret_for_another_address``) unless they are given
        beside it. With ``expected_revision`` it is `Conflict` where somebody changed it since. Calls under way end with
        what they began with."""
        return self._http.ask("PATCH", path("projects", project, "providers", name), t.Provider, body=_said(changes))

    def delete_provider(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        """Refused while a model uses it."""
        self._http.remove(path("projects", project, "providers", name), expected_revision)

    def resilience(self, project: str) -> list[t.Resilience]:
        """The providers and models that do not go by the defaults."""
        return self._all(_Policies, path("projects", project, "resilience"))

    def set_resilience(
        self, project: str, subject: str, name: str, policy: dict[str, Any], *, expected_revision: int | None = None
    ) -> t.Resilience:
        """``subject`` is ``provider`` or ``model``; ``policy`` replaces what there was. `Conflict` where somebody
        changed it since ``expected_revision`` (0: it is to be new)."""
        where = path("projects", project, f"{subject}s", name, "resilience")
        return self._http.ask("PUT", where, t.Resilience, body={**policy, "expected_revision": expected_revision})

    def remove_resilience(self, project: str, subject: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, f"{subject}s", name, "resilience"), expected_revision)

    def targets(self, project: str) -> list[t.Target]:
        """Each model at its provider that the worker which answers has called."""
        return self._all(_Targets, path("projects", project, "targets"))

    def set_key_priority(self, project: str, key_id: str, highest: str, *, expected_highest: str | None = None) -> None:
        """``high`` (no bound), ``normal`` or ``low``. `Conflict` where it is not ``expected_highest`` by now."""
        where = path("projects", project, "keys", key_id, "priority")
        self._http.ask("PUT", where, dict[str, str], body={"highest": highest, "expected_highest": expected_highest})

    def models(self, project: str) -> list[t.Model]:
        return self._all(_Models, path("projects", project, "models"))

    def create_model(
        self,
        project: str,
        name: str,
        *,
        provider: str,
        upstream: str | None = None,
        fallback: list[str] | None = None,
        price: dict[str, float] | None = None,
    ) -> t.Model:
        """``upstream`` is the provider's own id (the name, if left out); ``price`` is US dollars per million tokens,
        with ``input`` and ``output``."""
        body = {"name": name, "provider": provider, "upstream": upstream, "fallback": fallback, "price": price}
        return self._http.ask("POST", path("projects", project, "models"), t.Model, body=body)

    def change_model(self, project: str, name: str, **changes: object) -> t.Model:
        """``changes`` are any of ``provider``, ``upstream``, ``fallback``, ``price`` (None: the book's); what is not
        given stays. With ``expected_revision`` it is `Conflict` where somebody changed it since."""
        return self._http.ask("PATCH", path("projects", project, "models", name), t.Model, body=_said(changes))

    def price(self, project: str, model: str, at: int | None = None, tier: str = "") -> t.Price:
        """The row in force for a model's name, or for ``provider/model-id``; ``at`` another moment (Unix ms), ``tier``
        another service tier than the standard one."""
        query = {"model": model, "at": at, "tier": tier or None}
        return self._http.ask("GET", path("projects", project, "price"), t.Price, query=query)

    def delete_model(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "models", name), expected_revision)

    def test_model(self, project: str, name: str) -> t.TestCall:
        """One real call; it costs what such a call costs."""
        return self._http.ask("POST", path("projects", project, "models", name, "test"), t.TestCall)

    def card(self, project: str, name: str) -> t.Card:
        """The model's newest capability card; `NotFound` with the code ``no_card`` where there is none."""
        return self._http.ask("GET", path("projects", project, "models", name, "card"), t.Card)

    def put_card(
        self, project: str, name: str, *, provider: str, upstream: str, suite: str, results: list[t.CheckResult]
    ) -> t.Card:
        """Keep a card, as `trimtab conformance --save` does. It gets the model's next number."""
        body = {"provider": provider, "upstream": upstream, "suite": suite, "results": results}
        return self._http.ask("PUT", path("projects", project, "models", name, "card"), t.Card, body=body)

    # --- routes ---

    def routes(self, project: str) -> list[r.Route]:
        return self._all(r.RoutePage, path("projects", project, "routes"))

    def route(self, project: str, name: str) -> r.Route:
        return self._http.ask("GET", path("projects", project, "routes", name), r.Route)

    def create_route(self, project: str, name: str, route: Mapping[str, Any]) -> r.Route:
        """``route`` has a ``tree``, and may have ``affinity`` and ``about``."""
        body = {**route, "name": name}
        return self._http.ask("POST", path("projects", project, "routes"), r.Route, body=body)

    def change_route(self, project: str, name: str, route: Mapping[str, Any]) -> r.Route:
        """What ``route`` leaves out stays as it is. With ``expected_revision`` in it, it is `Conflict` where somebody
        changed it since."""
        return self._http.ask("PATCH", path("projects", project, "routes", name), r.Route, body=route)

    def delete_route(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "routes", name), expected_revision)

    def explain_route(self, project: str, name: str, request: Mapping[str, Any]) -> r.Explanation:
        """What the route would decide for a request: ``body``, and perhaps ``headers``, ``dialect``, ``tree``,
        ``draw``."""
        where = path("projects", project, "routes", name, "explain")
        return self._http.ask("POST", where, r.Explanation, body=request)

    def replay(self, project: str, request: Mapping[str, Any]) -> r.Replay:
        """Recorded calls decided again: ``name`` of a route or a ``tree``, and perhaps ``q``, ``start``, ``end``,
        ``limit``. May take a while: give the client a longer ``timeout``."""
        return self._http.ask("POST", path("projects", project, "replay"), r.Replay, body=request)

    def reload(self) -> r.Reloaded:
        """Read the server's config file again, now. Raises `InvalidRequest` with its mistakes."""
        return self._http.ask("POST", path("reload"), r.Reloaded)

    # --- cache ---

    def cache(self, project: str, days: int = 30) -> c.CacheStats:
        """What the cache holds, and what it has saved in the last days."""
        return self._http.ask("GET", path("projects", project, "cache"), c.CacheStats, query={"days": days})

    def purge_cache(self, project: str, name: str | None = None) -> c.Purged:
        """Drop stored answers: all of a project, or those of one called name."""
        return self._http.ask("POST", path("projects", project, "cache", "purge"), c.Purged, body={"name": name})

    def tune_cache(self, project: str, pairs: list[dict[str, Any]], budget: float = 0.02) -> c.Tuning:
        """Choose the threshold of a semantic cache; each pair has ``asked``, ``stored`` and ``same``."""
        body = {"pairs": pairs, "budget": budget}
        return self._http.ask("POST", path("projects", project, "cache", "tune"), c.Tuning, body=body)

    def policies(self, project: str) -> list[c.Policy]:
        """Cache and context policies, by called name."""
        return self._all(c.PolicyPage, path("projects", project, "policies"))

    def set_policy(
        self,
        project: str,
        name: str,
        *,
        cache: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
        expected_revision: int | None = None,
    ) -> c.Policy:
        """Set the policy of a called name, whole. `Conflict` where somebody changed it since ``expected_revision`` (0:
        it is to be new)."""
        body = {"cache": cache, "context": context, "expected_revision": expected_revision}
        return self._http.ask("PUT", path("projects", project, "policies", name), c.Policy, body=body)

    def delete_policy(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "policies", name), expected_revision)

    # --- limits ---

    def limits(self, project: str) -> list[m.Limit]:
        """Limits and budgets, and how they stand."""
        return self._all(m.LimitPage, path("projects", project, "limits"))

    def create_limit(self, project: str, name: str, rule: dict[str, Any]) -> m.Limit:
        """``rule`` has ``measure``, ``bound`` (a decimal string), ``window`` and what else docs/limits.md says."""
        return self._http.ask("POST", path("projects", project, "limits"), m.Limit, body={**rule, "name": name})

    def change_limit(
        self, project: str, name: str, rule: dict[str, Any], *, expected_revision: int | None = None
    ) -> m.Limit:
        """Replace a limit, whole. `Conflict` where somebody changed it since ``expected_revision``."""
        body = {**rule, "expected_revision": expected_revision}
        return self._http.ask("PUT", path("projects", project, "limits", name), m.Limit, body=body)

    def delete_limit(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "limits", name), expected_revision)

    def limit_events(self, project: str) -> list[m.LimitEvent]:
        """What happened to limits: the newest hundred."""
        return self._http.ask("GET", path("projects", project, "limit-events"), m.LimitEventPage).items

    # --- traces ---

    def trace_page(
        self,
        project: str,
        *,
        q: str = "",
        start: int | None = None,
        end: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> t.TracePage:
        """One page, newest first. The time range defaults to the last day."""
        query: dict[str, str | int | None] = {"q": q, "start": start, "end": end, "cursor": cursor, "limit": limit}
        return self._http.ask("GET", path("projects", project, "traces"), t.TracePage, query=query)

    def traces(
        self, project: str, *, q: str = "", start: int | None = None, end: int | None = None
    ) -> Iterator[t.Span]:
        """Every matching trace's entry span, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = self.trace_page(project, q=q, start=start, end=end, cursor=cursor, limit=PAGE)
            yield from page.rows
            cursor = page.cursor
            if cursor is None:
                return

    def tail(
        self,
        project: str,
        *,
        q: str = "",
        since: int | None = None,
        skipped: Callable[[int], None] | None = None,
    ) -> Iterator[t.Span]:
        """Every matching trace's entry span as it comes, for ever: over breaks of the connection and restarts of the
        server too. ``since`` (Unix ms) begins with what ended after it; ``skipped`` is told where there were more at
        once than are told one by one."""
        return tail(self._http, project, q, since, skipped)

    def trace(self, project: str, trace_id: str) -> t.Trace:
        return self._http.ask("GET", path("projects", project, "traces", trace_id), t.Trace)

    def span_io(self, project: str, trace_id: str, span_id: str) -> t.SpanIO:
        """What went into a span and came out of it."""
        where = path("projects", project, "traces", trace_id, "spans", span_id, "io")
        return self._http.ask("GET", where, t.SpanIO)

    def unmask(self, project: str, trace_id: str, reason: str) -> t.Trace:
        """One trace with its texts, for who may not read content and says why: the reason stands in the audit log. For
        an hour `span_io` of its spans is answered too."""
        where = path("projects", project, "traces", trace_id, "unmask")
        return self._http.ask("POST", where, t.Trace, body={"reason": reason})

    def overview(
        self,
        project: str,
        *,
        q: str = "",
        start: int | None = None,
        end: int | None = None,
        group_by: str = "none",
    ) -> t.Overview:
        """Calls, errors, tokens, cost and latency over a time range (the last day), and the same by group."""
        query: dict[str, str | int | None] = {"q": q, "start": start, "end": end, "group_by": group_by}
        return self._http.ask("GET", path("projects", project, "overview"), t.Overview, query=query)

    # --- telemetry ---

    def remap(
        self, project: str, start: int, *, end: int | None = None, everything: bool = False, cursor: str | None = None
    ) -> t.Remapped:
        """Have foreign traces that an older mapper read made anew: one page of them, and where to go on."""
        body = {"start": start, "end": end, "everything": everything, "cursor": cursor}
        return self._http.ask("POST", path("projects", project, "remap"), t.Remapped, body=body)

    # --- detectors ---

    def detectors(self, project: str) -> t.DetectorList:
        """Detectors of silent failures, and which are on."""
        return self._http.ask("GET", path("projects", project, "detectors"), t.DetectorList)

    def switch_detectors(self, project: str, off: list[str], *, expected_revision: int | None = None) -> t.DetectorList:
        """Exactly these are off from now on."""
        body = {"off": off, "expected_revision": expected_revision}
        return self._http.ask("PUT", path("projects", project, "detectors"), t.DetectorList, body=body)

    def _all(
        self, shape: type[_Items | r.RoutePage | c.PolicyPage | m.LimitPage], where: str, **query: str | int | None
    ) -> list[Any]:
        found: list[Any] = []
        cursor: str | None = None
        while True:
            page: Any = self._http.ask("GET", where, shape, query={**query, "cursor": cursor})
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found


def _said(changes: dict[str, object]) -> dict[str, object]:
    """A change to nothing is said, and not left out."""
    return {name: Raw(b"null") if value is None else value for name, value in changes.items()}
