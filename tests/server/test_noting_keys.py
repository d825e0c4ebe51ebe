"""The last use of keys, from a caller who is let in to the list of keys."""

from collections.abc import Callable
from typing import Any

import pytest
from house import House, Run
from sqlalchemy import Connection

from trimtab.core.errors import Unavailable
from trimtab.governance.key_uses import MINUTE_MS
from trimtab.server.duties.noting_keys import NotingKeys

P = "/api/v1/projects/default"


def test_a_key_tells_when_it_was_used_last_and_one_that_never_was_tells_nothing(run: Run) -> None:
    async def story(house: House) -> None:
        made = [(await house.admin.post(f"{P}/keys", json={"name": name, "role": "developer"})).json() for name in "ab"]
        assert [each["key"]["last_used"] for each in made] == [None, None]
        noting = NotingKeys(house.db, house.deps.snapshots.key_uses)
        assert (await house.client(made[0]["secret"]).get(f"{P}/keys")).status_code in (200, 403)
        assert not await noting.turn()
        told = {each["name"]: each["last_used"] for each in (await house.admin.get(f"{P}/keys")).json()["items"]}
        assert told["b"] is None
        assert told["a"] == house.deps.now() // MINUTE_MS * MINUTE_MS
        [admin] = [each for each in (await house.admin.get("/api/v1/keys")).json()["items"] if each["role"] == "admin"]
        assert admin["last_used"] is not None

    run(story)


def test_what_cannot_be_written_is_written_later(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        made = (await house.admin.post(f"{P}/keys", json={"name": "a"})).json()
        await house.client(made["secret"]).get(f"{P}/keys")
        noting = NotingKeys(house.db, house.deps.snapshots.key_uses)

        async def away(work: Callable[[Connection], Any]) -> Any:
            raise Unavailable("The catalog is away.", fix="Wait.")

        with monkeypatch.context() as gone:
            gone.setattr(house.db, "write", away)
            with pytest.raises(Unavailable):
                await noting.turn()
            await noting.leave()  # it says so, and does not keep a server from ending
        await noting.leave()
        items = (await house.admin.get(f"{P}/keys")).json()["items"]
        assert [each["last_used"] is not None for each in items] == [True]

    run(story)
