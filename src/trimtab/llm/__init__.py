"""The language of model calls.

Why: every vendor says the same few things in a grammar of its own. This room owns one canonical way to say them
(`types.py`), the pure translations between it and each wire format (`dialects/`, M + N files and never pairs), what
is particular to each vendor as data (`providers/`), and the lean client that carries the bytes (`transport.py`).

What enters: bytes of a client's request, bytes of a provider's answer. What leaves: `Request`, `Response`, a stream of
`Delta`, and bytes again. No policy lives here: who may call, what it costs and where it goes are other rooms' business.
"""
