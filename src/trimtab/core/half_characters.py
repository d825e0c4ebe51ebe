"""Half a character in JSON: an escape that is one half of a surrogate pair alone (``\\ud83d``).

JavaScript's ``JSON.stringify`` writes it where a text was cut between the halves (ECMA-262, 25.5.2.3). JSON's grammar
has it (RFC 8259, 8.2), our decoder does not, and for one such text neither an answer nor a batch should be thrown away.
"""

import re
from typing import Final

_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""Any escape of JSON, so that none is looked for in the middle of another; half a character is the group."""


_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def whole_characters(data: bytes) -> bytes:
    """JSON with U+FFFD in place of each escape that is half a character."""
    if _HALF.search(data) is None:
        return data
    whole, kept = bytearray(), 0
    for found in _ESCAPE.finditer(data):  # not `sub`, which keeps two pieces for each escape until all are joined
        if found.lastindex:
            whole += data[kept : found.start()]
            whole += rb"\ufffd"
            kept = found.end()
    return bytes(whole + data[kept:]) if kept else data
