"""What a folder says of guards, policies, data and datasets: the values its files become, and their plain forms."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Struct, structs

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import case_set
from trimtab.evaluation.cases import Author, NewCase, hash_of, made
from trimtab.evaluation.splits import split_for
from trimtab.evaluation.types import Case, Provenance
from trimtab.governance.data_classes import Classes, DataTerms
from trimtab.governance.policies import Draft
from trimtab.governance.policy_eval import Otherwise
from trimtab.governance.policy_examples import PolicyExample
from trimtab.guard.store import Refusal
from trimtab.guard.types import GuardSpec
from trimtab.server.folder.items import Item, plain_of

CLASSES: Final = "data"
"""The name of the one list of classes."""
MOST_CASES: Final = 5_000
"""Of one file; larger datasets are imported."""
NOBODY: Final = Author(id="", name="", at=0)
_PROVENANCE: Final = frozenset(("origin", "source", "span_id"))


class AccessTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``policies/NAME.yaml``, where there is one beside the policies: what is answered where none of them fits, their
    tests, and whether they are in force."""

    otherwise: Otherwise = "allow"
    tests: tuple[PolicyExample, ...] = ()
    on: bool = True


class AccessSpec(Struct, frozen=True, kw_only=True):
    """A set of policies as a folder has it."""

    text: str
    terms: AccessTerms = AccessTerms()

    def draft(self, note: str) -> Draft:
        return Draft(text=self.text, otherwise=self.terms.otherwise, tests=self.terms.tests, note=note)


class DataSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``data`` of ``trimtab.yaml``: the list of classes, the least sensitive first, and the one of what nobody
    classifies; of which class apps and datasets are; what is stated of providers and of single models."""

    classes: tuple[str, ...] | None = None
    standard: str | None = None
    apps: dict[str, str] = {}
    datasets: dict[str, str] = {}
    providers: dict[str, DataTerms] = {}
    models: dict[str, DataTerms] = {}


# --- items ---


def guard_item(name: str, spec: GuardSpec, path: str = "") -> Item:
    return Item(kind="guard", name=name, value=spec, plain=plain_of(spec), path=path, line=1)


def access_item(name: str, spec: AccessSpec, path: str = "") -> Item:
    plain = {"text": spec.text, **plain_of(spec.terms)}
    return Item(kind="access", name=name, value=spec, plain=plain, path=path, line=1)


def refusal_item(new: Refusal, path: str = "", line: int = 0) -> Item:
    plain = {"text": new.text}
    return Item(kind="refusal", name=new.label, value=new, plain=plain, path=path, line=line)


def refusal_of(name: str, text: str) -> Refusal:
    rest, _, language = name.partition("/")
    template, _, app = rest.partition("@")
    return Refusal(project_id="", name=template, app=app, language=language, text=text)


def classes_item(classes: Classes, path: str = "", line: int = 0) -> Item:
    plain = {"classes": list(classes.order), "standard": classes.standard}
    return Item(kind="classes", name=CLASSES, value=classes, plain=plain, path=path, line=line)


def mark_item(subject: str, name: str, data_class: str, path: str = "", line: int = 0) -> Item:
    plain = {"data_class": data_class}
    return Item(kind="mark", name=f"{subject}:{name}", value=data_class, plain=plain, path=path, line=line)


def terms_item(subject: str, name: str, terms: DataTerms, path: str = "", line: int = 0) -> Item:
    return Item(kind="terms", name=f"{subject}:{name}", value=terms, plain=plain_of(terms), path=path, line=line)


def dataset_item(name: str, cases: Sequence[Case], path: str = "") -> Item:
    """Compared by the hash that a version with these cases would have."""
    total = sum(case_set.element(case.id, hash_of(case)) for case in cases)
    return Item(kind="dataset", name=name, value=tuple(cases), plain=cases_plain(len(cases), total), path=path, line=1)


def cases_plain(count: int, total: int) -> dict[str, Any]:
    return {"cases": count, "hash": case_set.name(total)}


def resplit(item: Item, shares: Mapping[str, float], seed: int) -> Item:
    """As the dataset it goes to would have it: cases that name no split go where its shares put them."""
    cases: tuple[Case, ...] = item.value
    if not shares or all(case.split for case in cases):
        return item
    placed = [
        case if case.split else structs.replace(case, split=split_for(case, shares, seed)) for case in cases
    ]  # fmt: skip
    return structs.replace(dataset_item(item.name, placed), path=item.path, line=item.line)


# --- cases as lines ---


def read_case(line: str) -> Case:
    """A line of a file of cases. Raises `InvalidRequest`."""
    try:
        row: Any = msgspec.json.decode(line)
        if isinstance(row, dict):
            row = _unauthored(cast("dict[str, Any]", row))
        return made(msgspec.convert(row, NewCase), NOBODY)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"This is no case: {error}.", fix="A case has at least an 'input'.") from None
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"This is no JSON: {error}.", fix="Write one object per line.") from None
    except RecursionError:
        raise InvalidRequest("This is nested too deeply.", fix="Make it flatter.") from None


def _unauthored(row: dict[str, Any]) -> dict[str, Any]:
    """A case as it was exported says who added it, which is not a file's to say."""
    told = row.get("provenance")
    if not isinstance(told, dict):
        return row
    own = cast("dict[str, Any]", told)
    return {**row, "provenance": {key: each for key, each in own.items() if key in _PROVENANCE}}


def case_line(case: Case) -> str:
    """As `read_case` reads it: without who added it and when."""
    own = case.provenance
    kept = structs.replace(case, provenance=Provenance(origin=own.origin, source=own.source, span_id=own.span_id))
    return msgspec.json.encode(kept, order="deterministic").decode()


def case_lines(cases: Iterable[Case]) -> str:
    return "".join(f"{case_line(case)}\n" for case in cases)
