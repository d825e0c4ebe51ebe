"""Who was let in is remembered, and only for as long as it is true."""

from collections.abc import Callable

import pytest
from msgspec import structs

from trimtab.core.errors import Forbidden, Unauthenticated
from trimtab.gateway import door
from trimtab.gateway.door import Door
from trimtab.governance.access import AccessTable, Principal, Project, digest
from trimtab.governance.key_uses import MINUTE_MS, KeyUses

HERE, THERE = Project(id="p1", slug="default"), Project(id="p2", slug="other")


def table(**more: Principal) -> AccessTable:
    keys = {digest("tt_client"): Principal(key_id="k1", role="client", project=HERE), **{
        digest(secret): principal for secret, principal in more.items()
    }}  # fmt: skip
    return AccessTable(keys=keys, projects={"default": HERE, "other": THERE})


def headers(**values: str) -> Callable[[bytes], bytes | None]:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in values.items()}
    return named.get


def test_the_second_call_of_a_key_is_let_in_without_hashing_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = door.admit  # pyright: ignore[reportPrivateImportUsage]

    def counted(access: AccessTable, secret: str, wanted: bytes | None, now_ns: int) -> tuple[Principal, Project]:
        asked.append(secret)
        return real(access, secret, wanted, now_ns)

    monkeypatch.setattr(door, "admit", counted)
    here, access = Door(), table()
    first = here.admit(access, headers(authorization="Bearer tt_client"), 1)
    assert here.admit(access, headers(authorization="Bearer tt_client"), 2) == first
    assert asked == ["tt_client"]


def test_each_minute_notes_a_keys_use_once(monkeypatch: pytest.MonkeyPatch) -> None:
    uses = KeyUses()
    here, access = Door(), structs.replace(table(), uses=uses)
    for second in (0, 59, 60, 61, 119):
        here.admit(access, headers(x_api_key="tt_client"), second * 10**9)
    assert uses.take() == {"k1": MINUTE_MS}
    real = AccessTable.authenticate
    asked: list[int] = []

    def counted(self: AccessTable, secret: str, now_ns: int) -> Principal:
        asked.append(now_ns)
        return real(self, secret, now_ns)

    monkeypatch.setattr(AccessTable, "authenticate", counted)
    for second in (119, 120, 121, 179, 180):
        here.admit(access, headers(x_api_key="tt_client"), second * 10**9)
    assert asked == [120 * 10**9, 180 * 10**9]


def test_a_key_that_the_next_table_does_not_have_is_refused() -> None:
    here = Door()
    here.admit(table(), headers(authorization="Bearer tt_client"), 1)
    with pytest.raises(Unauthenticated):
        here.admit(AccessTable(), headers(authorization="Bearer tt_client"), 2)


def test_a_remembered_key_expires_all_the_same() -> None:
    here, access = Door(), table(tt_soon=Principal(key_id="k2", role="client", project=HERE, expires_ns=10))
    here.admit(access, headers(x_api_key="tt_soon"), 9)
    with pytest.raises(Unauthenticated, match="expired"):
        here.admit(access, headers(x_api_key="tt_soon"), 10)


def test_a_secret_known_from_one_header_is_not_let_in_by_the_other() -> None:
    here, access = Door(), table()
    here.admit(access, headers(x_api_key="tt_client"), 1)
    with pytest.raises(Unauthenticated):
        here.admit(access, headers(authorization="tt_client"), 1)


def test_the_project_a_call_asks_for_is_looked_at_each_time() -> None:
    here, access = Door(), table(tt_admin=Principal(key_id="k3", role="admin"))
    assert here.admit(access, headers(x_api_key="tt_admin"), 1)[1] is HERE
    assert here.admit(access, headers(x_api_key="tt_admin", trimtab_project="other"), 1)[1] is THERE
    assert here.admit(access, headers(x_api_key="tt_admin"), 1)[1] is HERE
    here.admit(access, headers(x_api_key="tt_client"), 1)
    with pytest.raises(Forbidden):
        here.admit(access, headers(x_api_key="tt_client", trimtab_project="other"), 1)


def test_refused_secrets_are_not_remembered_and_known_ones_are_bounded() -> None:
    many = {f"tt_{number}": Principal(key_id=f"k{number}", role="client", project=HERE) for number in range(1500)}
    here, access = Door(), table(**many)
    for number in range(2000):
        try:
            here.admit(access, headers(x_api_key=f"tt_{number}"), 1)
        except Unauthenticated:
            assert number >= 1500
    assert len(here._known) <= door.MOST_REMEMBERED  # pyright: ignore[reportPrivateUsage]
