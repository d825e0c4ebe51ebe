"""Dead letters are listed with their reasons, page by page, without what they held."""

from typing import TYPE_CHECKING, Any

from house import House

from trimtab.telemetry.drain import Spooled, SpoolReader

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/system/dead-letters"


def test_dead_letters_are_listed_newest_first_and_page_by_page(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        assert (await admin.get(AT)).json() == {"items": [], "cursor": None}
        reader = SpoolReader(house.folder / "spool")
        for number in range(5):
            reader.reject(Spooled("w0~1", number, 1000 + number, b"secret words"), f"reason {number}")
        seen: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(5):
            page = (await admin.get(AT, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen += page["items"]
            cursor = page["cursor"]
            if cursor is None:
                break
        reader.close()
        assert [letter["reason"] for letter in seen] == [f"reason {number}" for number in (4, 3, 2, 1, 0)]
        assert seen[0] == {
            "segment": "w0~1", "seq": 4, "at": 1004, "reason": "reason 4", "bytes": 12, "request_id": "", "project": "",
        }  # fmt: skip
        assert "secret" not in str(seen)
        assert (await admin.get(AT, params={"cursor": "eHg"})).status_code == 400

    run(story)
