"""Every secret of the catalog, sealed with the instance's newest key: what a change of that key comes to.

A secret is opened and sealed again in one transaction; whoever reads it before or after opens what he reads, for the
old key goes on opening until it is taken out. A test holds the list against what the rooms seal.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Table, select, update

from trimtab.gateway.store import PROVIDERS
from trimtab.governance.data_keys import DATA_KEYS
from trimtab.governance.projects import REVISION
from trimtab.governance.secrets import SecretBox
from trimtab.governance.sign_in_store import IDENTITY_PROVIDERS, SECOND_FACTORS
from trimtab.guard.tables import GUARD_SERVICES
from trimtab.storage.revision import bump
from trimtab.telemetry.forward.store import FORWARDS


class Sealed(Struct, frozen=True):
    """A column of sealed texts, and what they are bound to: a pattern over the row's columns."""

    table: Table
    column: str
    context: str


PLACES: Final = (
    Sealed(PROVIDERS, "sealed", "provider/{project_id}/{name}"),
    Sealed(FORWARDS, "sealed", "forward/{project_id}/{name}"),
    Sealed(GUARD_SERVICES, "sealed", "guard-service/{project_id}/{name}"),
    Sealed(DATA_KEYS, "wrapped", "data-key/{project_id}/{id}"),
    Sealed(IDENTITY_PROVIDERS, "sealed", "identity-provider:{name}"),
    Sealed(SECOND_FACTORS, "sealed", "second-factor:{holder}"),
)


def behind(conn: Connection, box: SecretBox) -> int:
    """How many secrets are not sealed with the newest key."""
    count = 0
    for place in PLACES:
        column = place.table.c[place.column]
        rows = conn.execute(select(column).where(column.is_not(None), column != "")).scalars()
        count += sum(1 for sealed in rows if not box.is_newest(sealed))
    return count


def reseal(conn: Connection, box: SecretBox) -> int:
    """Seal them all with the newest key; how many were not. Raises `Unavailable` for one that no key opens."""
    bump(conn, REVISION)
    count = 0
    for place in PLACES:
        column = place.table.c[place.column]
        keys = list(place.table.primary_key.columns)
        found = select(place.table).where(column.is_not(None), column != "").with_for_update()
        for row in conn.execute(found).mappings().all():
            if not box.is_newest(row[place.column]):
                context = place.context.format(**row)
                sealed = box.seal(box.open(row[place.column], context), context)
                at = [key == row[key.name] for key in keys]
                conn.execute(update(place.table).where(*at).values({place.column: sealed}))
                count += 1
    return count
