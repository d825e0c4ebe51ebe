"""The newest version of scores, without FINAL: that merges the whole table, whatever little of it is asked for.

A score is one by its trace and its id, of which ``identity`` is a hash of 128 bits; of its rows the one with the
largest version holds. First the rows that fit are found, then of those scores alone all versions are looked at.
Conditions are SQL over columns of ``scores``; ``{project}`` is a placeholder that whoever asks binds.
"""

from typing import Final

_OURS: Final = "project = {project:String}"


def newest(columns: tuple[str, ...], condition: str) -> str:
    """A SELECT of the columns, named n0 and so on, of each score whose newest version fits: for many. A column is an
    expression that is never null."""
    fits = f"SELECT identity FROM scores WHERE {_OURS} AND {condition}"  # noqa: S608  our own text around placeholders
    named = ", ".join(f"argMax({column}, version) AS n{number}" for number, column in enumerate(columns))
    return (
        f"SELECT {named} FROM scores WHERE {_OURS} AND identity IN ({fits})"  # noqa: S608
        f" GROUP BY identity HAVING argMax(ifNull({condition}, 0), version) = 1"
    )


def newest_rows(columns: str, condition: str) -> str:
    """A SELECT of the newest version of each score, where it fits: for few."""
    fits = f"SELECT identity FROM scores WHERE {_OURS} AND {condition}"  # noqa: S608
    newest_of = (
        f"SELECT project, {columns} FROM scores WHERE {_OURS} AND identity IN ({fits})"  # noqa: S608
        " ORDER BY version DESC LIMIT 1 BY identity"
    )
    return f"SELECT {columns} FROM ({newest_of}) WHERE {condition}"  # noqa: S608
