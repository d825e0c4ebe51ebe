"""Vendors as data: where they are, which dialect they speak, and how they depart from it. One file per vendor."""

from typing import Literal

from msgspec import Struct

from trimtab.core.registry import Registry
from trimtab.llm.auth import Auth
from trimtab.llm.dialects import Operation, Quirks

Passed = Literal["images", "audio", "files", "batches", "message_batches"]


class Option(Struct, frozen=True, kw_only=True):
    """Something a kind asks for beside its key. ``about`` says what to give, as a phrase; ``secret`` is never shown,
    ``lines`` may have several."""

    name: str
    about: str
    secret: bool = False
    required: bool = False
    lines: bool = False
    default: str = ""


ENTRA_OPTIONS = (
    Option(
        name="tenant_id",
        about="the tenant of Entra ID, where there is no API key: an app registration is shown instead.",
    ),
    Option(name="client_id", about="the id of that app registration."),
    Option(name="client_secret", about="its secret.", secret=True),
    Option(
        name="identity",
        about="workload or managed, in place of a secret: the identity that this server has in Azure. Only the config "
        "file may say it.",
    ),
    Option(name="cloud", about="us or china, for a resource in a cloud of these; by default the public one."),
)
"""Of the kinds of Azure."""


class ProviderKind(Struct, frozen=True, kw_only=True):
    """A vendor. ``key_variable`` names the environment variable its own clients read; ``price_id`` its id in the price
    book (``""``: no list price is known, models need a configured one); ``free`` marks a provider that runs on the
    team's own machine and has no price by nature; ``managed`` one whose process the server itself starts.

    ``dialect`` is that of its chat calls; ``also`` names further ones it speaks at the same address, each for the
    clients that speak it; ``operations`` names those of what else it can do. ``auth`` is set where it
    wants its key in another way than its dialects' own vendors do. ``query`` goes into every URL: a parameter and the
    option (`Provider.options`) that holds its value; one without a value is left out.
    """

    name: str
    title: str
    dialect: str
    also: tuple[str, ...] = ()
    operations: dict[Operation, str] = {}
    base_url: str = ""
    """``{name}`` in it stands for the option of that name."""
    respelled: dict[str, str] = {}
    """What of that address is otherwise, once the options are in it."""
    auth: Auth | None = None
    query: dict[str, str] = {}
    options: tuple[Option, ...] = ()
    key_options: tuple[str, ...] = ()
    """Options that, all given, stand in for the key."""
    identities: tuple[str, ...] = ()
    """What the option ``identity`` may be, which stands in for the key, too: this server shows who it is in its cloud.
    It is the operator's to lend, so that only the config file may say it."""
    key_variable: str = ""
    needs_key: bool = True
    price_id: str = ""
    bills: bool = False
    """What its answers say they cost is what it takes: that is booked, and not the price book's sum."""
    free: bool = False
    managed: bool = False
    quirks: Quirks = Quirks()
    passes: tuple[Passed, ...] = ()
    """What of OpenAI's other endpoints it has, and whether it has Anthropic's batches of messages: calls of these pass
    through as they are."""
    models: tuple[str, ...] = ()
    """A few model ids to offer in the console; never a complete list."""


PROVIDER_KINDS: Registry[ProviderKind] = Registry("providers", "trimtab.llm.providers")
