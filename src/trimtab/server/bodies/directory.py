"""Bodies of the API of directories: what an identity provider keeps here. Times are Unix milliseconds."""

from typing import Literal

from msgspec import Struct, field

from trimtab.governance.scim.store import Meaning
from trimtab.server.bodies.common import ExpectedRevision


class DirectoryView(Struct, frozen=True, kw_only=True):
    """``url`` is what the provider is given beside a token. ``roles``: what its groups mean, where the first that fits
    a place counts. ``people`` are all it keeps, ``active`` those it lets in."""

    organisation: str
    url: str
    label: str
    on_delete: Literal["deactivate", "remove"]
    everywhere: bool
    roles: list[Meaning]
    people: int
    active: int
    groups: int
    created: int
    updated: int
    revision: int


class DirectoryBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """``on_delete``: whether DELETE of a user locks them out (and they come back as who they were) or ends what they
    are in the organisation. ``everywhere``: its people are those of the whole server."""

    label: str = ""
    on_delete: Literal["deactivate", "remove"] = "deactivate"
    everywhere: bool = False
    roles: list[Meaning] = field(default_factory=list[Meaning])
    expected_revision: ExpectedRevision = None


class DomainsBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is behind the @, such as ``example.com``; none for any that is not another organisation's."""

    domains: list[str]
    expected_revision: ExpectedRevision = None


class DomainsView(Struct, frozen=True, kw_only=True):
    """``outside`` is how many of the people whom the directory lets in have an address of none of them."""

    organisation: str
    domains: list[str]
    outside: int
    revision: int


class DirectoryTokenView(Struct, frozen=True, kw_only=True):
    """``seen``: about when it was shown last."""

    id: str
    name: str
    prefix: str
    created: int
    expires: int | None
    seen: int | None


class DirectoryTokenList(Struct, frozen=True, kw_only=True):
    items: list[DirectoryTokenView]


class NewDirectoryToken(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expires`` is Unix milliseconds; null for never."""

    name: str
    expires: int | None = None


class IssuedDirectoryToken(Struct, frozen=True, kw_only=True):
    """``secret`` is shown this once."""

    token: DirectoryTokenView
    secret: str
    url: str


class DirectoryGroupView(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    external_id: str | None
    members: int
    updated: int


class DirectoryGroupPage(Struct, frozen=True, kw_only=True):
    items: list[DirectoryGroupView]
    cursor: str | None = None
