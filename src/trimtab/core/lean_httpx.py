"""httpx without its own command line."""

import sys


def import_less() -> None:
    """Let this process's ``import httpx`` do without httpx's own command, which it offers wherever rich, pygments and
    click happen to be installed, for 50 ms of a processor: 40 % of the import. Only for processes that are ours: who
    uses the SDK may use that command as well. Nothing happens where httpx is there already."""
    if "httpx" not in sys.modules:
        sys.modules["httpx._main"] = None  # pyright: ignore[reportArgumentType]  what makes its import fail (importlib)
