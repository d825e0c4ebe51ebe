"""A dataset's version described in Croissant 1.0, MLCommons' JSON-LD for datasets
(https://docs.mlcommons.org/croissant/docs/croissant-spec.html), so that its cases can be loaded by what reads that.

The description names the CSV of the same version by a relative address: the two files belong into one folder. CSV,
because a field of Croissant has one type, and an input is a text in one case and messages in another.
The version is ``NUMBER.0.0``: one of ours may change cases that another has, which is a new major version there.
"""

from datetime import UTC, datetime
from typing import Any, Final

from trimtab.evaluation.exports import MEDIA, Digest, file_name
from trimtab.evaluation.types import Dataset, DatasetVersion

CONFORMS: Final = "http://mlcommons.org/croissant/1.0"
RECORDS: Final = "cases"
UNSTATED: Final = "unknown"
_TERMS: Final = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
"""The context that appendix 1 of the specification recommends, as mlcroissant 1.1 compares it."""
FIELDS: Final = {
    "id": "What names the case, the same in all versions.",
    "input": "What is asked, where it is a text.",
    "input_json": "What is asked as JSON, where it is more: messages in OpenAI's shape, an application's variables.",
    "expected": "What a good answer is, where that is a text; missing where only the answer itself is judged.",
    "expected_json": "What a good answer is as JSON, where it is no text.",
    "context": "Texts that the answer should rest on: a JSON list.",
    "tags": "A JSON list of words.",
    "split": "The split it belongs to.",
    "group": "What ties cases that are not independent of each other.",
    "licence": "The case's own licence, where it has one.",
    "uses": "What it may be used for: a JSON list of evaluate, tune, train.",
    "provenance.origin": "Where it came from: person, file, trace, generator, review, redteam.",
    "provenance.source": "The name of that: a file, a trace's id, a model.",
}


def describe(found: Dataset, of: DatasetVersion, file: Digest, *, url: str, licences: list[str]) -> dict[str, Any]:
    """JSON-LD. ``url`` is where the dataset is to be seen; ``licences`` are those of its cases beside its own."""
    name = file_name(of, "csv")
    published = datetime.fromtimestamp(of.created / 1000, UTC).isoformat(timespec="seconds")
    licence = list(dict.fromkeys([found.licence, *licences]))
    stated = [each for each in licence if each] or [UNSTATED]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": found.name,
        "description": found.description or f"The dataset {found.name}.",
        "license": stated[0] if len(stated) == 1 else stated,
        "url": url,
        "creator": {"@type": "sc:Person", "name": of.author_name},
        "datePublished": published,
        "dateModified": published,
        "version": f"{of.number}.0.0",
        "isLiveDataset": False,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "description": f"Version {of.number} of the cases, one row each.",
                "contentUrl": name,
                "contentSize": f"{file.size} B",
                "encodingFormat": MEDIA["csv"],
                "sha256": file.sha256,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": RECORDS,
                "name": RECORDS,
                "description": f"{of.cases} cases: what is asked, and what a good answer is.",
                "key": {"@id": f"{RECORDS}/id"},
                "field": [_field(name, column, says) for column, says in FIELDS.items() if column in file.columns],
            }
        ],
    }


def _field(file: str, column: str, says: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{RECORDS}/{column}",
        "name": column,
        "description": says,
        "dataType": "sc:Text",
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    }
