"""Texts become vectors, one each, in order."""

import json

import msgspec
from msgspec import Struct

from trimtab.cli.conformance.client import Refused
from trimtab.cli.conformance.suite import Bench, Check, Fails
from trimtab.llm.dialects import DIALECTS

_TEXTS = ["The tide is high.", "The tide is very high.", "Invoices are due on Friday."]


class _Item(Struct):
    embedding: list[float]


class _Answer(Struct):
    data: list[_Item]


def _run(bench: Bench) -> str:
    body = json.dumps({"model": bench.front.model, "input": _TEXTS}).encode()
    auth = {"authorization": f"Bearer {bench.front.key}"}
    raw = bench.front.send(body, auth=auth, url=f"{bench.url}/v1/embeddings")
    if raw.status != 200:
        error = DIALECTS.get("openai_chat").parse_error(raw.status, raw.body, raw.headers)
        raise Refused(raw.status, error.upstream_code, error.message)
    try:
        vectors = [item.embedding for item in msgspec.json.decode(raw.body, type=_Answer).data]
    except msgspec.DecodeError as error:
        raise Fails(f"The answer holds no vectors of numbers: {error}: {raw.body[:200]!r}") from None
    if len(vectors) != len(_TEXTS) or not all(vectors):
        raise Fails(f"Three texts should give three vectors of numbers; the answer begins {raw.body[:200]!r}")
    near, far = _cosine(vectors[0], vectors[1]), _cosine(vectors[0], vectors[2])
    if len({len(vector) for vector in vectors}) != 1 or near <= far:
        raise Fails(f"Like texts should be nearer than unlike ones: {near:.3f} and {far:.3f}.")
    return f"{len(vectors[0])} dimensions; the cosine of like texts is {near:.3f}, of unlike ones {far:.3f}"


def _cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=False))
    return product / ((sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5 or 1.0)


PLUG = Check(title="texts become vectors", run=_run, once="openai_embeddings")
