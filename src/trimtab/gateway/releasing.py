"""The step of a call that names an app: which release answers it, and that release put over what the client sent.

It comes after an idempotency key (a call sent twice is one call, whatever was released meanwhile) and before the cache,
so whatever decides the answer is in what is looked up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import Forbidden, InvalidRequest, NotFound, Unavailable, Unsupported
from trimtab.gateway.apps.assigned import AppCall, Copy
from trimtab.gateway.apps.overlay import read_fields
from trimtab.gateway.apps.prompt import Prompt, Said
from trimtab.gateway.apps.rendering import Renderers
from trimtab.gateway.apps.types import Named, Placed, ProjectApps, Ready
from trimtab.gateway.call import Call
from trimtab.gateway.call_policy import CompiledPolicy
from trimtab.gateway.context import shorten
from trimtab.governance.access import Principal
from trimtab.governance.permissions import holds
from trimtab.llm.dialects import Dialect
from trimtab.prompts.types import PromptError
from trimtab.releases.resolve import Assignment, Who, resolve

VARIABLES: Final = "variables"
HEADER: Final = b"trimtab-variables"
LATEST: Final = "latest"
AT_A_TIME: Final = 2
"""Prompts that are rendered in threads at once, per worker."""
SHORTENED_AT_ONCE: Final = 64 * 1024
_NAMED: Final = b'"variables"'
_read_object = msgspec.json.Decoder(dict[str, Any]).decode
_BROKEN: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Direct = Callable[[str, str, int], Awaitable[Ready]]
"""A release by project id, app and number, wherever it runs. Raises `NotFound`, `Unavailable`."""


class Body(Struct, frozen=True, kw_only=True):
    """A client's body with a release over it, and what is told of that on the record."""

    body: bytes
    overridden: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Asked(Struct, frozen=True):
    """Who asks how long a call would be, the variables its headers give, and whose rights count; None for whom nothing
    is kept from."""

    who: Who = Who("")
    variables: bytes | None = None
    principal: Principal | None = None


class Apps:
    """``direct`` finds releases that are called by their number; without it there are none."""

    def __init__(self, direct: Direct | None = None) -> None:
        self._direct = direct
        self._few = Renderers(AT_A_TIME)

    async def begin(self, call: Call, named: Placed | Named, apps: ProjectApps) -> CompiledPolicy:
        """Assign the call to a release and put that over its body. Raises `TrimtabError` with the way out."""
        if isinstance(named, Placed):
            release = self._assign(call, named, apps)
        else:
            release = await self._refer(call, named, apps)
        return await self.enter(call, release)

    async def counted(
        self, front: Dialect, project_id: str, named: Placed | Named, apps: ProjectApps, body: bytes, asked: Asked
    ) -> tuple[Ready, bytes]:
        """The release that would answer a call, and its body with that over it. Raises `TrimtabError`."""
        check_may(asked.principal, named, apps)
        if isinstance(named, Placed):
            found = resolve(named.lane, asked.who)
            release = self._placed(named, found)
        else:
            release = await self._by_reference(project_id, named, apps)
        _check_usable(release)
        made = await self.over(front, release, body, asked.variables, _key(asked.principal))
        return release, body if made is None else made.body

    async def enter(self, call: Call, release: Ready) -> CompiledPolicy:
        """Put the release over the body of a call that is assigned to it."""
        _check_usable(release)
        if release.context is not None:
            if len(call.body) > SHORTENED_AT_ONCE:
                await asyncio.to_thread(shorten, call, release.context)
            else:
                shorten(call, release.context)
        made = await self.over(call.front, release, call.body, call.exchange.header(HEADER), _key(call.principal))
        if made is not None:
            if call.original is None:
                call.original = call.body
            call.body = made.body
            call.head = call.front.peek(made.body)
            assert call.app is not None
            call.app.overridden, call.app.left_out = made.overridden, made.left_out
        return release.policy

    async def over(
        self, front: Dialect, release: Ready, body: bytes, header: bytes | None, who: str = ""
    ) -> Body | None:
        """The body of a call of the key ``who`` with the release over it; None where nothing changes. Raises
        `TrimtabError`."""
        if front.operation != "chat":
            if release.overlay is None and not release.knowledge:
                return None
            raise Unsupported(
                f"The app {release.app!r} answers chats: its release {release.short} has a prompt, parameters, tools "
                f"or knowledge, which {front.operation} calls have not.",
                fix=f"Call the model itself for {front.operation}, or an app that has nothing but a route.",
                code="operation_unsupported",
                param="model",
            )
        if release.overlay is None and header is None and _NAMED not in body:
            return None
        fields = read_fields(body)
        values = given(fields.pop(VARIABLES, None), header)
        overridden: tuple[str, ...] = ()
        said: Said | None = None
        if release.prompt is not None:
            values, overridden = _open_values(release.prompt, values)
            said = await self._say(release.prompt, values, len(header or b"") + len(body), who)
        elif values:
            raise InvalidRequest(
                f"The release {release.short} of the app {release.app!r} has no prompt, so it has no variables.",
                fix="Leave 'variables' out.",
                param=VARIABLES,
                code="prompt_variable",  # the release's doing: clients that gave them were right before it
            )
        if release.overlay is None:
            return Body(body=msgspec.json.encode(fields))
        laid = release.overlay.lay(front, fields, said)
        return Body(body=laid.body, overridden=(*overridden, *laid.overridden), left_out=laid.left_out)

    async def _say(self, prompt: Prompt, values: Mapping[str, Any], size: int, who: str) -> Said:
        try:
            return prompt.at_once(values, size) or await prompt.aside(values, self._few, who)
        except PromptError as error:
            if error.code == "prompt_variable":
                how = "Variables go into the body's 'variables' (extra_body in OpenAI's clients) or the header"
                error.fix = f"{error.fix} {how} trimtab-variables, as JSON.".strip()
            raise

    # --- which release ---

    def _assign(self, call: Call, named: Placed, apps: ProjectApps) -> Ready:
        found = resolve(named.lane, who(call))
        call.app = app = AppCall(named.app, named.environment)
        check_may(call.principal, named, apps)
        release = self._placed(named, found)
        app.assign(release, found.variant, found.rollout, found.why)
        if found.shadow is not None and call.front.operation == "chat" and found.shadow in named.releases:
            copied = named.releases[found.shadow]
            app.copy = Copy(copied, found.rollout, named.environment, named.limits, call.body)
        call.extra_headers += app.headers()
        return release

    def _placed(self, named: Placed, found: Assignment) -> Ready:
        if found.release is None:
            raise _nothing_for(named, found)
        release = named.releases.get(found.release)
        if release is None:
            raise Unavailable(
                f"The release r{found.release} of the app {named.app!r} is not in this server's configuration.",
                fix="Try again in a moment.",
                code="release_missing",
            )
        return release

    async def _refer(self, call: Call, named: Named, apps: ProjectApps) -> Ready:
        """A release that is called by its number."""
        assert call.project is not None
        environment = "" if number_of(named.ref, 0) is not None else named.ref or apps.default
        call.app = app = AppCall(named.app, environment if environment in apps.environments else "")
        check_may(call.principal, named, apps)
        release = await self._by_reference(call.project.id, named, apps)
        app.assign(release, "", "", "called by its number")
        call.extra_headers += app.headers()
        return release

    async def _by_reference(self, project_id: str, named: Named, apps: ProjectApps) -> Ready:
        """A release by its number, or the word that there is none for what was named."""
        if named.app in apps.archived:
            raise NotFound(
                f"The app {named.app!r} is archived.",
                fix="Call another one, or take it out of the archive.",
                code="app_archived",
                param="model",
            )
        newest = apps.newest[named.app]
        number = number_of(named.ref, newest)
        if number is None:
            raise _no_lane(named, apps)
        if self._direct is None or not 1 <= number <= newest:
            have = f"It has r1 to r{newest}." if newest else f"It has none yet: trimtab release create {named.app}"
            raise NotFound(
                f"The app {named.app!r} has no release {named.ref[:40]!r}.",
                fix=have,
                code="release_not_found",
                param="model",
            )
        return await self._direct(project_id, named.app, number)


def _key(principal: Principal | None) -> str:
    return "" if principal is None else principal.key_id


def check_may(principal: Principal | None, named: Placed | Named, apps: ProjectApps) -> None:
    """Raises `Forbidden`: a release by its number needs ``release:call``, which keys of applications have not, since an
    environment's demands are not asked of it; and a key may be bound to some environments, and then to those only."""
    if principal is None:
        return
    if isinstance(named, Named) and number_of(named.ref, 0) is not None:
        if principal.environments is not None or not holds(principal, "release:call"):
            raise Forbidden(
                f"This key calls apps in their environments, and {named.app + '@' + named.ref[:40]!r} is a release by "
                "its number, wherever it runs or does not.",
                fix=f"Call {named.app!r} or e.g. '{named.app}@{apps.default}', or use a key of role 'editor'.",
                code="release_call_forbidden",
                param="model",
            )
        return
    environment = named.environment if isinstance(named, Placed) else named.ref or apps.default
    if principal.environments is not None and environment not in principal.environments:
        allowed = ", ".join(f"'{named.app}@{each}'" for each in principal.environments[:8])
        raise Forbidden(
            f"This key may not call apps in {environment[:40]!r}.",
            fix=f"It may call {allowed}; for others an administrator makes another key.",
            code="environment_forbidden",
            param="model",
        )


def _check_usable(release: Ready) -> None:
    if release.trouble:
        raise Unavailable(
            release.trouble,
            fix="Place another release, or correct what it says is wrong.",
            code="release_broken",
            retryable=False,
        )


def _nothing_for(named: Placed, found: Assignment) -> NotFound:
    if found.rollout:
        return NotFound(
            f"In {named.environment!r} the app {named.app!r} answers only the callers of a rollout's segment.",
            fix="Place a release there for all, or call another environment.",
            code="app_not_for_you",
            param="model",
        )
    return _nothing_runs(named.app, named.environment)


def _no_lane(named: Named, apps: ProjectApps) -> NotFound:
    if not named.ref and named.app in apps.placed:  # called with an @ and nothing behind it
        return NotFound(
            f"'{named.app}@' names no environment.",
            fix=f"Call {named.app!r}, or '{named.app}@{apps.default}'.",
            code="environment_not_found",
            param="model",
        )
    environment = named.ref or apps.default
    if environment in apps.environments:
        return _nothing_runs(named.app, environment, newest=apps.newest.get(named.app, 0))
    known = ", ".join(apps.environments[:8])
    return NotFound(
        f"There is no environment {environment[:40]!r} in this project.",
        fix=f"Environments here: {known}. An editor's key also calls a release by its number: '{named.app}@r12'.",
        code="environment_not_found",
        param="model",
    )


def chats_only(name: str) -> Unsupported:
    """The refusal of a call that passes through, as of images or speech, and names an app."""
    return Unsupported(
        f"{name[:80]!r} is an app, and apps answer chats.",
        fix="Name the model itself for this.",
        code="operation_unsupported",
        param="model",
    )


def _nothing_runs(app: str, environment: str, *, newest: int | None = None) -> NotFound:
    """``newest`` is the number of the app's newest release, 0 for none, None where it is not known here."""
    first = f"Make one: trimtab release create {app}. Then place it" if newest == 0 else "Place one"
    return NotFound(
        f"No release of the app {app!r} runs in {environment!r} yet.",
        fix=f"{first}: trimtab release promote {app} {f'r{newest}' if newest else 'latest'} --in {environment}",
        code="nothing_placed",
        param="model",
    )


def number_of(ref: str, newest: int) -> int | None:
    """``12``, ``r12`` or ``latest`` as a number; None for what names an environment."""
    if ref == LATEST:
        return newest
    digits = ref.removeprefix("r")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None


def who(call: Call) -> Who:
    assert call.principal is not None
    caller = call.caller
    return Who(
        call.request_id, caller.user, caller.session, call.principal.key_id, caller.tags, caller.metadata
    )  # fmt: skip


def given(raw: Raw | None, header: bytes | None) -> dict[str, Any]:
    """The variables of a call; those of the header win, as our headers do. Raises `InvalidRequest`."""
    values: dict[str, Any] = {}
    for source, where in ((raw, VARIABLES), (header, HEADER.decode())):
        if source is None or bytes(source).strip() == b"null":
            continue
        try:
            values |= _read_object(source)
        except _BROKEN:
            raise InvalidRequest(
                f"`{where}` must be a JSON object.", fix='Give e.g. {"customer": "Ada"}.', param=where
            ) from None
    return values


def _open_values(prompt: Prompt, values: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Without those that the release has fixed, and the names of those it has fixed otherwise."""
    fixed = prompt.fixed
    over = tuple(f"variables.{name}" for name in values if name in fixed and values[name] != fixed[name])
    return {name: value for name, value in values.items() if name not in fixed}, over
