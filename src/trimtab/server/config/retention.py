"""``retention`` in the config file: days by kind, or ``keep``."""

from collections.abc import Mapping

from trimtab.core.errors import InvalidRequest
from trimtab.governance.retention import KINDS, Rules, check_days
from trimtab.server.config.values import Refuse, Value


def read_retention(fields: Mapping[str, Value], refuse: Refuse) -> Rules:
    """The rules of the file's project; what makes no sense is refused with its line."""
    found: Rules = {}
    for kind in KINDS:
        at = fields.get(kind)
        if at is None:
            continue
        text = str(at.value)
        if text == "keep":
            found[kind] = None
            continue
        try:
            if not (text.isascii() and text.isdecimal() and len(text) <= 6):
                raise InvalidRequest(f"{kind!r} is kept {text!r}?", fix="Write a number of days, or keep.", param=kind)
            check_days(int(text), kind)
        except InvalidRequest as error:
            refuse(at.line, error.message, error.fix)
        else:
            found[kind] = int(text)
    return found
