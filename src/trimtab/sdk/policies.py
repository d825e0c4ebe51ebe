"""`Client.access_policies`: sets of Cedar policies, what they would have done, data classes and data terms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from msgspec import Struct

from trimtab.sdk import policy_types as t
from trimtab.sdk.connection import Connection, path

PAGE = 100


class _Sets(Struct):
    items: list[t.PolicySet]
    cursor: str | None


class Said(TypedDict, total=False):
    """``otherwise`` is the answer where no policy fits: ``allow`` (as where it is left out) or ``deny``."""

    otherwise: str
    note: str


class Policies:
    """``organisation`` (its slug) instead of ``project`` is for sets that hold in each of its projects."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str, *, organisation: str | None = None) -> Iterator[t.PolicySet]:
        """Those that hold in a project, its organisation's included; or an organisation's alone."""
        query: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self._http.ask("GET", _place(project, organisation), _Sets, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def get(self, project: str, name: str, *, organisation: str | None = None) -> t.PolicySetDetail:
        return self._http.ask("GET", _place(project, organisation, name), t.PolicySetDetail)

    def put(
        self,
        project: str,
        name: str,
        text: str,
        *,
        tests: Sequence[Mapping[str, Any]] = (),
        on: bool = True,
        organisation: str | None = None,
        expected_revision: int | None = None,
        **said: Unpack[Said],
    ) -> t.PolicySet:
        """Write a version, with its ``note`` and what holds ``otherwise``; in force when this returns unless ``on`` is
        False. Refused with the line of every mistake and with every test that does not hold; `Conflict` where somebody
        changed the set since ``expected_revision`` (0: it is to be new)."""
        body = {"text": text, "tests": list(tests), "on": on, "expected_revision": expected_revision, **said}
        return self._http.ask("PUT", _place(project, organisation, name), t.PolicySet, body=body)

    def switch(
        self,
        project: str,
        name: str,
        version: int | None,
        *,
        organisation: str | None = None,
        expected_revision: int | None = None,
    ) -> t.PolicySet:
        """Put a version in force; None switches the set off. `Conflict` where somebody changed the set since
        ``expected_revision``."""
        where = _place(project, organisation, name) + "/switch"
        body = {"version": version, "expected_revision": expected_revision}
        return self._http.ask("POST", where, t.PolicySet, body=body)

    def delete(
        self, project: str, name: str, *, organisation: str | None = None, expected_revision: int | None = None
    ) -> None:
        self._http.remove(_place(project, organisation, name), expected_revision)

    def schema(self) -> str:
        """The Cedar schema that policies are written about."""
        return self._http.ask("GET", path("policy-schema"), dict[str, str])["schema"]

    def check(
        self, project: str, text: str, *, tests: Sequence[Mapping[str, Any]] = (), otherwise: str = "allow"
    ) -> t.PolicyCheck:
        """What is wrong with a text, and whether its tests hold; nothing is kept."""
        body = {"text": text, "tests": list(tests), "otherwise": otherwise}
        return self._http.ask("POST", path("projects", project, "policy-check"), t.PolicyCheck, body=body)

    def plan(
        self,
        project: str,
        text: str | None,
        *,
        name: str = "planned",
        otherwise: str = "allow",
        q: str = "",
        start: int | None = None,
        end: int | None = None,
    ) -> t.PolicyPlan:
        """What this text in place of the set ``name`` would have done with recorded calls (last week's, unless
        ``start`` and ``end`` say otherwise); None: what it would be without that set."""
        body = {"text": text, "name": name, "otherwise": otherwise, "q": q, "start": start, "end": end}
        return self._http.ask("POST", path("projects", project, "policy-plan"), t.PolicyPlan, body=body)

    def ask(self, project: str, action: str, **facts: Mapping[str, Any]) -> t.PolicyAnswer:
        """What the policies in force say of one request: ``principal``, ``resource`` and ``context`` as in a test."""
        body = {"action": action, **facts}
        return self._http.ask("POST", path("projects", project, "policy-ask"), t.PolicyAnswer, body=body)

    # --- data ---

    def classes(self, project: str) -> t.DataClasses:
        return self._http.ask("GET", path("projects", project, "data-classes"), t.DataClasses)

    def set_classes(
        self, project: str, classes: Sequence[str], standard: str = "", *, expected_revision: int | None = None
    ) -> t.DataClasses:
        """The least sensitive first; ``standard`` is that of calls of which nobody declared any. `Conflict` where
        somebody changed the list since ``expected_revision``."""
        body = {"classes": list(classes), "standard": standard, "expected_revision": expected_revision}
        return self._http.ask("PUT", path("projects", project, "data-classes"), t.DataClasses, body=body)

    def set_class(
        self, project: str, subject: str, name: str, data_class: str, *, expected_class: str | None = None
    ) -> t.DataClasses:
        """``subject`` is ``key`` (by id or name), ``app`` or ``dataset``; an empty class removes it. `Conflict` where
        it is of another than ``expected_class`` (empty: none) by now."""
        where = path("projects", project, "data-classes", subject, name)
        return self._http.ask(
            "PUT", where, t.DataClasses, body={"data_class": data_class, "expected_class": expected_class}
        )

    def terms(self, project: str) -> t.DataTermsList:
        return self._http.ask("GET", path("projects", project, "data-terms"), t.DataTermsList)

    def set_terms(
        self,
        project: str,
        subject: str,
        name: str,
        *,
        region: str | None = None,
        data_classes: Sequence[str] | None = None,
        terms: Sequence[str] | None = None,
        expected_revision: int | None = None,
    ) -> t.DataTerms:
        """State what holds for a ``provider`` or a ``model``, in place of what was stated. `Conflict` where somebody
        stated something else since ``expected_revision`` (0: nothing is stated yet)."""
        body: dict[str, Any] = {"region": region, "expected_revision": expected_revision}
        body |= {} if data_classes is None else {"data_classes": list(data_classes)}
        body |= {} if terms is None else {"terms": list(terms)}
        where = path("projects", project, f"{subject}s", name, "data-terms")
        return self._http.ask("PUT", where, t.DataTerms, body=body)

    def remove_terms(self, project: str, subject: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, f"{subject}s", name, "data-terms"), expected_revision)


def _place(project: str, organisation: str | None, *more: str) -> str:
    if organisation is not None:
        return path("organisations", organisation, "access-policies", *more)
    return path("projects", project, "access-policies", *more)
