"""Domains of e-mail that are an organisation's own, as the server's administrator says.

A policy, an invitation and a sign-in know people by their address. So an organisation's directory names nobody by an
address that is not its own to give: where the organisation has domains, only those; where it has none, any but those
of other organisations. A domain is one organisation's and covers itself, not what is below it.
"""

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, String, Table, delete, insert, select

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.governance import members
from trimtab.governance.access import Organisation
from trimtab.storage.revision import exclusive
from trimtab.storage.schema import METADATA

DOMAINS: Final = Table(
    "organisation_domains",
    METADATA,
    Column("domain", String(253), primary_key=True),
    Column("organisation_id", String(64), ForeignKey("organisations.id"), nullable=False, index=True),
    Column("created", BigInteger, nullable=False),
)
MOST: Final = 100
_LABEL: Final = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


def cleaned(domains: Iterable[str]) -> list[str]:
    """Domains as they rest, each once. Raises `InvalidRequest`."""
    found = list(dict.fromkeys(each.strip().lower().removeprefix("@") for each in domains))
    for each in found:
        if len(each) > 253 or not _DOMAIN.fullmatch(each) or "_" in each:
            raise InvalidRequest(
                f"{each[:80]!r} is no domain of e-mail.",
                fix="Write what is behind the @: example.com.",
                param="domains",
            )
    if len(found) > MOST:
        raise InvalidRequest(f"An organisation has at most {MOST} domains.", param="domains")
    return found


def of(conn: Connection, organisation_id: str) -> list[str]:
    """In order of the alphabet; empty where nothing was said."""
    query = select(DOMAINS.c.domain).where(DOMAINS.c.organisation_id == organisation_id).order_by(DOMAINS.c.domain)
    return list(conn.execute(query).scalars())


def put(conn: Connection, organisation: Organisation, domains: Iterable[str], now: int) -> list[str]:
    """Say which they are. Raises `Conflict` for one that is another's."""
    wanted = cleaned(domains)
    exclusive(conn, members.LOCK)  # whoever names somebody, or says other domains, comes before or after this
    theirs = select(DOMAINS.c.domain).where(DOMAINS.c.organisation_id != organisation.id, DOMAINS.c.domain.in_(wanted))
    taken = conn.execute(theirs.order_by(DOMAINS.c.domain)).scalars().first()
    if taken is not None:
        raise Conflict(
            f"{taken!r} is a domain of another organisation.",
            fix="Take it from that one first: a domain is one organisation's.",
            code="domain_taken",
        )
    before = set(of(conn, organisation.id))
    conn.execute(delete(DOMAINS).where(DOMAINS.c.organisation_id == organisation.id, DOMAINS.c.domain.not_in(wanted)))
    new = [each for each in wanted if each not in before]
    if new:
        rows = [{"domain": each, "organisation_id": organisation.id, "created": now} for each in new]
        conn.execute(insert(DOMAINS), rows)
    return sorted(wanted)


def refusal(conn: Connection, organisation_id: str, email: str, *, everywhere: bool = False) -> str:
    """Why a directory may not name somebody by that address; empty where it may. ``everywhere``: it is one of the whole
    server, whose people are everybody's."""
    domain = email.rpartition("@")[2]
    own = of(conn, organisation_id)
    if own:
        told = ", ".join(own[:5]) + (f" and {len(own) - 5} more" if len(own) > 5 else "")
        return "" if domain in own else f"{email[:80]!r} is of none of this organisation's domains ({told})."
    owner = conn.execute(select(DOMAINS.c.organisation_id).where(DOMAINS.c.domain == domain)).scalar_one_or_none()
    if owner is not None and owner != organisation_id and not everywhere:
        return f"{email[:80]!r} is of a domain that is another organisation's."
    return ""
