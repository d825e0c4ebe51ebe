"""People and groups that an identity provider keeps here: SCIM 2.0 (RFC 7643, RFC 7644).

An organisation has at most one *directory*. Its provider shows a token of that directory, which opens ``/scim/v2`` and
nothing else, and says who there is, who may come in, and who is in which group; the directory says what a group means
here (`directories.py`). What a directory can reach is its own organisation: people who are something elsewhere, too,
keep that, unless the directory was made one of the whole server by somebody who may do so.

`schemas.py`, `filters.py` and `patches.py` are pure: the wire format. `people.py` and `groups.py` are the rules, over
`store.py`. What is sent here and not kept (telephone numbers, addresses, pictures, passwords) is let go.
"""
