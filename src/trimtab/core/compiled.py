"""Whether this build runs the path of a call compiled (docs/decisions/0019). The sources are the same either way."""

from importlib.machinery import EXTENSION_SUFFIXES

from trimtab.core import ids


def is_compiled() -> bool:
    """By one of the modules that are compiled together, or none of them."""
    return (ids.__file__ or "").endswith(tuple(EXTENSION_SUFFIXES))


def build_note() -> str:
    """`` (compiled)`` where it is, to be put after the version."""
    return " (compiled)" if is_compiled() else ""
