"""The command line: `trimtab`. One file per command or group of commands; each offers its click command as ``command``.

`up`, `demo` and `doctor` work on this machine; every other command talks to a running server through the API, by way
of the SDK, so that what the command line can do, a program can do. What enters: arguments, the environment. What
leaves: text for people, or one JSON value with ``--json``, on standard output; everything else on standard error; and
an exit code (`cli/base.py`). Modules here import nothing heavy at the top: `trimtab --help` imports all of them.
"""
