"""Dated prices in the config file: ``prices:`` by name, each a row of `ledger/overrides.py`."""

from collections.abc import Mapping
from typing import Any

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.moments import moment
from trimtab.ledger.overrides import DatedPrice, Rates, check_dated
from trimtab.server.config.values import Refuse


def dated_price(name: str, line: int, fields: Mapping[str, Any], refuse: Refuse) -> DatedPrice | None:
    """One row from its fields; None where it was refused. Its id names the file's entry, so that rows it priced do."""
    try:
        rates = {field: str(fields[field]) for field in Rates.__struct_fields__ if field in fields}
        row = DatedPrice(
            id=f"config.{name}",
            provider=str(fields.get("provider", "*")),
            model=str(fields.get("model", "")),
            tier=str(fields.get("tier", "")),
            valid_from=moment(str(fields["from"]), "from") if "from" in fields else None,
            valid_to=moment(str(fields["to"]), "to") if "to" in fields else None,
            rates=Rates(**rates),
            note=str(fields.get("note", "")),
            source="config",
        )
        return check_dated(row)
    except InvalidRequest as error:
        refuse(line, f"the price {name!r}: {error.message}", error.fix)
        return None
