"""Bodies of the management API about saved views and dashboards. What is kept of them is in
`telemetry/boards/types.py`."""

from typing import Literal

from msgspec import Struct

from trimtab.server.bodies.common import ExpectedRevision
from trimtab.telemetry.boards.types import DashboardFile, Page, Tile


class NewView(Struct, kw_only=True, forbid_unknown_fields=True):
    """``q`` is a search; ``last`` a length of time back from now, such as ``24h``, empty for whatever is chosen;
    ``columns`` and ``sort`` name columns, ``-cost`` from the largest; ``shared`` shows it to the whole project."""

    name: str
    page: Page = "traces"
    q: str = ""
    last: str = ""
    columns: list[str] = []
    sort: str = ""
    shared: bool = False


class ChangedView(NewView, kw_only=True, forbid_unknown_fields=True):
    """The whole view anew. ``version`` is an older name of ``expected_revision``."""

    version: int | None = None
    expected_revision: ExpectedRevision = None


class SavedViewBody(Struct, frozen=True, kw_only=True):
    """``own`` says whether the caller's key made it. ``version`` is an older name of ``revision``. Times are Unix
    milliseconds."""

    id: str
    name: str
    page: Page
    q: str
    last: str
    columns: list[str]
    sort: str
    shared: bool
    own: bool
    version: int
    revision: int
    created: int
    updated: int


class SavedViewPage(Struct, frozen=True, kw_only=True):
    items: list[SavedViewBody]
    cursor: str | None


class NewDashboard(Struct, kw_only=True, forbid_unknown_fields=True):
    """``q`` is added to the search of every tile; ``last`` is the time shown at first, such as ``24h``."""

    name: str
    about: str = ""
    q: str = ""
    last: str = "24h"
    tiles: list[Tile] = []
    shared: bool = False


class ChangedDashboard(NewDashboard, kw_only=True, forbid_unknown_fields=True):
    """The whole dashboard anew. ``version`` is an older name of ``expected_revision``."""

    version: int | None = None
    expected_revision: ExpectedRevision = None


class DashboardView(Struct, frozen=True, kw_only=True):
    """``source`` is ``built_in`` for the one that every project begins with, until somebody changes it; it is at
    revision 0 until then. ``version`` is an older name of ``revision``."""

    id: str
    name: str
    about: str
    q: str
    last: str
    tiles: list[Tile]
    shared: bool
    own: bool
    source: Literal["catalog", "built_in"]
    version: int
    revision: int
    created: int | None
    updated: int | None


class DashboardPage(Struct, frozen=True, kw_only=True):
    items: list[DashboardView]
    cursor: str | None


class ImportedDashboard(Struct, kw_only=True, forbid_unknown_fields=True):
    """``replace``: one of that name is changed instead of refused."""

    file: DashboardFile
    shared: bool = True
    replace: bool = False
