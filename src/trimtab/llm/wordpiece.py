"""BERT's uncased WordPiece: text to the token ids that a MiniLM expects.

Written here instead of the package `tokenizers`, which brings a hub client and a dozen packages with it. The steps are
BERT's own (https://github.com/google-research/bert, ``tokenization.py``): clean, lower-case, strip accents, split at
white space, punctuation and CJK characters, then cut each word greedily into the longest known pieces.
"""

import unicodedata

UNKNOWN, CLS, SEP = "[UNK]", "[CLS]", "[SEP]"
MAX_WORD = 100
"""Characters of a word; a longer one is unknown as a whole."""

_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """Encodes with one vocabulary: piece -> id, where a piece within a word begins with ``##``."""

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self._ids = vocabulary
        self._unknown = vocabulary[UNKNOWN]
        self._first, self._last = vocabulary[CLS], vocabulary[SEP]

    def encode(self, text: str, limit: int) -> tuple[list[int], bool]:
        """At most ``limit`` ids, the opening and closing ones included, and whether the whole text is in them."""
        ids = [self._first]
        whole = True
        for word in words(text):
            ids += self._pieces(word)
            if len(ids) >= limit:
                whole = False
                del ids[limit - 1 :]
                break
        ids.append(self._last)
        return ids, whole

    def _pieces(self, word: str) -> list[int]:
        if len(word) > MAX_WORD:
            return [self._unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = (end for end in range(len(word), start, -1) if prefix + word[start:end] in self._ids)
            end = next(ends, 0)
            if not end:
                return [self._unknown]
            found.append(self._ids[prefix + word[start:end]])
            start = end
        return found


def words(text: str) -> list[str]:
    """Lower-case words without accents; each punctuation mark and each CJK character is one of its own."""
    if text.isascii():
        cleaned = text.lower()
    else:
        bare = (char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")
        cleaned = "".join(char.lower() for char in bare)  # one by one: a final sigma is a sigma to BERT
    out: list[str] = []
    for char in cleaned:
        if char.isalnum() and (char < "\u2e80" or not _is_cjk(char)):
            out.append(char)
        elif char in "\t\n\r" or unicodedata.category(char) == "Zs":
            out.append(" ")
        elif _is_dropped(char):
            continue
        elif _is_punctuation(char) or _is_cjk(char):
            out += (" ", char, " ")
        else:
            out.append(char)
    return [word for word in "".join(out).split(" ") if word]


def _is_dropped(char: str) -> bool:
    return char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co")


def _is_punctuation(char: str) -> bool:
    code = ord(char)
    if 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126:
        return True  # BERT takes every such ASCII sign for punctuation, $ and ^ too
    return unicodedata.category(char).startswith("P")


def _is_cjk(char: str) -> bool:
    code = ord(char)
    return any(low <= code <= high for low, high in _CJK)
