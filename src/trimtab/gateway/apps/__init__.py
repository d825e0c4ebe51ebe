"""Apps as calls meet them: a release compiled, and put over what a client sent.

`compile.py` makes a release ready, once, when a snapshot is built; `types.py` is what the snapshot holds. `prompt.py`
renders its prompt, `fronts.py` says its messages, parameters and tools in each dialect, and `overlay.py` puts them into
the client's own JSON. `assigned.py` is what a call has of its app. The steps of the path that use all this are
`gateway/releasing.py` (which release, and that over the body) and `gateway/shadow.py` (copies to a candidate).
"""
