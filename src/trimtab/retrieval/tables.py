"""How corpora rest in the catalog. What documents say, and what was made of it, lies sealed with the project's data key
where it has one. Lists are JSON; times are Unix ms."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from trimtab.storage.content import SealedBytes
from trimtab.storage.schema import METADATA, of_project

CORPORA = Table(
    "corpora",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("description", Text, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("access", Text, nullable=False),
    Column("chunker", Text, nullable=False),
    Column("embedder", Text, nullable=False),
    Column("stale_days", Integer, nullable=True),
    Column("newest", Integer, nullable=False),
    Column("ready", Integer, nullable=False),
    Column("standing", BigInteger, nullable=False),
    Column("erased", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("archived", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
DOCUMENTS = Table(
    "corpus_documents",
    METADATA,
    of_project(),
    Column("corpus", String(64), primary_key=True),
    Column("document", String(128), primary_key=True),
    Column("text", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("size", Integer, nullable=False),
    Column("access", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("put", BigInteger, nullable=False),
    Column("checked", BigInteger, nullable=True),
    Column("source_state", String(12), nullable=False),
    Column("removed", BigInteger, nullable=True),
    Column("erased", BigInteger, nullable=True),
)
"""Documents as they are now. ``text`` is the hash of the revision; ``epoch`` counts erasures, and is in that hash, so
that what was erased never comes back into an older version when the same is put again. ``about`` stand each between
line ends."""
TEXTS = Table(
    "corpus_texts",
    METADATA,
    of_project(),
    Column("corpus", String(64), primary_key=True),
    Column("document", String(128), primary_key=True),
    Column("text", String(80), primary_key=True),
    Column("head", SealedBytes(), nullable=False),
    Column("body", SealedBytes(), nullable=False),
)
"""What revisions say; no row for one that was erased. ``head`` is the same without the text, for lists."""
VERSIONS = Table(
    "corpus_versions",
    METADATA,
    of_project(),
    Column("corpus", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("hash", String(80), nullable=False),
    Column("chunker", Text, nullable=False),
    Column("embedder", Text, nullable=False),
    Column("recipe", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("reached", String(128), nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("built", BigInteger, nullable=True),
    Index("ix_corpus_versions_state", "state"),
)
"""``reached`` is the last document whose pieces are made: who builds it goes on behind it."""
ENTRIES = Table(
    "corpus_entries",
    METADATA,
    of_project(),
    Column("corpus", String(64), primary_key=True),
    Column("document", String(128), primary_key=True),
    Column("since", Integer, primary_key=True),
    Column("until", Integer, nullable=True),
    Column("text", String(80), nullable=False),
)
"""In all versions from ``since`` to before ``until`` (null: still) the document has the revision ``text``."""
PIECES = Table(
    "corpus_pieces",
    METADATA,
    of_project(),
    Column("corpus", String(64), primary_key=True),
    Column("document", String(128), primary_key=True),
    Column("text", String(80), primary_key=True),
    Column("recipe", String(64), primary_key=True),
    Column("chunks", Integer, nullable=False),
    Column("body", SealedBytes(), nullable=False),
)
"""What was made of a revision by a recipe (a chunker and an embedder): see `pieces.py`."""
