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


def whole_characters(data: bytes) -> bytes:
    """JSON with U+FFFD in place of each escape that is half a character."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], data)
