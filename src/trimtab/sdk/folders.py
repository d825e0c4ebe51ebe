"""`Client.folders`: config as code. ``files`` are texts by their path below a folder, with ``/`` between."""

from collections.abc import Mapping

from trimtab.sdk.connection import Connection, path
from trimtab.sdk.folder_types import DriftReport, FolderFiles, FolderPlan


class Folders:
    def __init__(self, http: Connection) -> None:
        self._http = http

    def plan(
        self, project: str, files: Mapping[str, str], *, to: str = "", direct: bool = False, texts: bool = False
    ) -> FolderPlan:
        """What applying these would change; mistakes are part of the answer. ``to``: the environment that releases
        would go to; by a canary where another one runs, unless ``direct``. ``texts``: with what changes as text, before
        and after."""
        body = {"files": dict(files), "to": to, "direct": direct, "texts": texts}
        return self._http.ask("POST", path("projects", project, "plan"), FolderPlan, body=body)

    def apply(
        self,
        project: str,
        files: Mapping[str, str],
        *,
        to: str = "",
        direct: bool = False,
        message: str = "",
        plan: str = "",
    ) -> FolderPlan:
        """All or nothing. ``to`` and ``direct`` are as in `plan`. ``plan`` is a plan's hash: raises `Conflict` where it
        would be another one by now. Raises `InvalidRequest` with every mistake."""
        body = {"files": dict(files), "to": to, "direct": direct, "message": message, "plan": plan}
        return self._http.ask("POST", path("projects", project, "apply"), FolderPlan, body=body)

    def export(self, project: str, folder: str = "main", *, take: bool = False) -> FolderFiles:
        """What belongs to the folder, as files; a plan of them finds nothing to do. With ``take`` also what belongs to
        no folder, which is the folder's once they are applied."""
        query = {"folder": folder, **({"take": "true"} if take else {})}
        return self._http.ask("GET", path("projects", project, "export"), FolderFiles, query=query)

    def drift(self, project: str, folder: str = "") -> DriftReport:
        """What is not as its folder left it, of one folder or of all."""
        return self._http.ask("GET", path("projects", project, "drift"), DriftReport, query={"folder": folder})
