"""`Client.directories`: what an identity provider keeps of an organisation, by SCIM (docs/scim.md)."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from trimtab.sdk.connection import Connection, path


class Directory(Struct, frozen=True, kw_only=True):
    """``url`` is what the provider is given beside a token; ``roles`` what its groups mean."""

    organisation: str
    url: str
    label: str
    on_delete: str
    everywhere: bool
    roles: list[dict[str, Any]]
    people: int
    active: int
    groups: int
    created: int
    updated: int
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class Domains(Struct, frozen=True, kw_only=True):
    """``outside`` is how many of the people whom the directory lets in have an address of none of them."""

    organisation: str
    domains: list[str]
    outside: int
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class DirectoryToken(Struct, frozen=True, kw_only=True):
    """Times are Unix ms; ``seen`` is about when it was shown last."""

    id: str
    name: str
    prefix: str
    created: int
    expires: int | None
    seen: int | None


class NewDirectoryToken(Struct, frozen=True, kw_only=True):
    """``secret`` is shown this once."""

    token: DirectoryToken
    secret: str
    url: str

    def __repr__(self) -> str:
        return f"NewDirectoryToken({self.token.id!r})"


class DirectoryGroup(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    external_id: str | None
    members: int
    updated: int


class _Tokens(Struct):
    items: list[DirectoryToken] = field(default_factory=list[DirectoryToken])


class _Groups(Struct):
    items: list[DirectoryGroup] = field(default_factory=list[DirectoryGroup])
    cursor: str | None = None


class Directories:
    """Each method takes the slug of an organisation."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def _at(self, organisation: str, *more: str) -> str:
        return path("organisations", organisation, "directory", *more)

    def get(self, organisation: str) -> Directory:
        return self._http.ask("GET", self._at(organisation), Directory)

    def put(
        self,
        organisation: str,
        *,
        roles: Sequence[Mapping[str, Any]] = (),
        on_delete: str = "deactivate",
        everywhere: bool = False,
        label: str = "",
        expected_revision: int | None = None,
    ) -> Directory:
        """Make it, or change all of its terms. Each of ``roles`` has a group, a role, and perhaps a project. `Conflict`
        where somebody changed it since ``expected_revision`` (0: it is to be new)."""
        body = {
            "label": label,
            "on_delete": on_delete,
            "everywhere": everywhere,
            "roles": [dict(each) for each in roles],
            "expected_revision": expected_revision,
        }
        return self._http.ask("PUT", self._at(organisation), Directory, body=body)

    def remove(self, organisation: str, *, expected_revision: int | None = None) -> None:
        """Its tokens end; people stay what they are."""
        self._http.remove(self._at(organisation), expected_revision)

    def domains(self, organisation: str) -> Domains:
        """The domains of e-mail that are its own: a directory gives people no others. None: any but another's."""
        return self._http.ask("GET", path("organisations", organisation, "domains"), Domains)

    def set_domains(
        self, organisation: str, domains: Sequence[str], *, expected_revision: int | None = None
    ) -> Domains:
        """For administrators of the whole server. `Conflict` where somebody changed them since
        ``expected_revision``."""
        body = {"domains": list(domains), "expected_revision": expected_revision}
        return self._http.ask("PUT", path("organisations", organisation, "domains"), Domains, body=body)

    def groups(self, organisation: str) -> list[DirectoryGroup]:
        """Those the provider has sent so far."""
        found: list[DirectoryGroup] = []
        cursor: str | None = None
        while True:
            query = {"cursor": cursor, "limit": 500}
            page = self._http.ask("GET", self._at(organisation, "groups"), _Groups, query=query)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found

    def tokens(self, organisation: str) -> list[DirectoryToken]:
        return self._http.ask("GET", self._at(organisation, "tokens"), _Tokens).items

    def create_token(self, organisation: str, name: str, expires: int | None = None) -> NewDirectoryToken:
        """What the provider shows; it opens ``/scim/v2`` and nothing else. ``expires`` is Unix ms."""
        body = {"name": name, "expires": expires}
        return self._http.ask("POST", self._at(organisation, "tokens"), NewDirectoryToken, body=body)

    def end_token(self, organisation: str, token: str) -> None:
        self._http.ask("DELETE", self._at(organisation, "tokens", token), type(None))
