"""What a call has of its app's knowledge, from its search to its record."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from trimtab.telemetry.records import CallRecord, KnowledgeNote, PassageNote

MAX_HEADER: Final = 4096
"""Bytes of the header ``trimtab-sources``: clients and proxies refuse larger ones (nginx: 4 or 8 KB)."""
MAX_TITLE: Final = 200


class Known:
    """``body`` is the call's without the passages: what the cache compares, with ``salt``."""

    __slots__ = ("body", "notes", "salt")

    def __init__(self, body: bytes, notes: tuple[KnowledgeNote, ...]) -> None:
        self.body = body
        self.notes = notes
        self.salt = _salt(notes)

    @property
    def used(self) -> list[PassageNote]:
        """Those that the model was given, in order of their numbers."""
        return sorted((each for note in self.notes for each in note.passages if each.number), key=lambda at: at.number)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(each.text for each in self.used)

    @property
    def documents(self) -> tuple[tuple[str, str], ...]:
        """Corpus and id of each document whose passages the model was given."""
        given = ((note.corpus, each.document) for note in self.notes for each in note.passages if each.number)
        return tuple(dict.fromkeys(given))

    def told(self, record: CallRecord) -> CallRecord:
        notes = self.notes if record.capture else tuple(map(_bare, self.notes))
        return replace(record, knowledge=notes)


def _bare(note: KnowledgeNote) -> KnowledgeNote:
    """Without anything that a document or a person said."""
    kept = tuple(replace(each, title="", source="", text="", left_out=each.left_out[:40]) for each in note.passages)
    return replace(note, query="", passages=kept)


def _salt(notes: Sequence[KnowledgeNote]) -> bytes:
    """Over what the model was given and which version it came from: an answer made with these passages is for whoever
    gets the same ones, and for nobody else."""
    made = hashlib.blake2b(digest_size=16)
    for note in notes:
        made.update(f"{note.corpus}\0{note.version}\0{note.digest}\0{note.code}\n".encode())
        for each in note.passages:
            text = hashlib.blake2b(each.text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
            made.update(f"{each.number}\0{each.document}\0{each.chunk}\0{text}\n".encode("utf-8", "surrogatepass"))
    return made.digest()


def header(notes: Sequence[KnowledgeNote]) -> bytes:
    """The header ``trimtab-sources``: JSON, in ASCII. As many as it has room for; ``[]`` where nothing was used."""
    corpora = {id(each): note for note in notes for each in note.passages}
    used = sorted((each for note in notes for each in note.passages if each.number), key=lambda each: each.number)
    lines: list[bytes] = []
    size = 0
    for each in used:
        note = corpora[id(each)]
        told = {"n": each.number, "corpus": note.corpus, "version": note.version, "document": each.document}
        told |= {"title": each.title[:MAX_TITLE], "score": round(each.score, 4)}
        if each.source:
            told["source"] = each.source[:500]
        line = _ascii(told)
        size += len(line) + 1
        if size > MAX_HEADER:
            break
        lines.append(line)
    return b"trimtab-sources: [%b]\r\n" % b",".join(lines)


def _ascii(value: object) -> bytes:
    """JSON of ASCII alone, as a header can hold it."""
    text = msgspec.json.encode(value).decode()
    return "".join(letter if " " <= letter <= "~" else _escaped(letter) for letter in text).encode()


def _escaped(letter: str) -> str:
    data = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at : at + 2].hex()}" for at in range(0, len(data), 2))
