"""Simulated vectors and rankings: OpenAI's, Gemini's and Cohere's embeddings, Cohere's and Jina's reranking.

https://platform.openai.com/docs/api-reference/embeddings, https://ai.google.dev/api/embeddings,
https://docs.cohere.com/v2/reference/embed and /rerank, https://jina.ai/reranker. A vector is made of its text alone, so
the same text has the same one at every vendor; documents rank by the words they share with the query.
"""

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import Iterator
from typing import Any, cast

from trimtab.llm.simulated import cohere_chat, openai_chat
from trimtab.llm.simulated.answers import an_object, count, objects
from trimtab.llm.simulated.scenario import Scenario

DIMENSIONS = 16
MOST_DIMENSIONS = 3072
_GEMINI_PATH = re.compile(r"/v1beta/models/(.+):batchEmbedContents")


def vector_of(text: str, dimensions: int | None = None) -> list[float]:
    """A vector of length one, of the sum of its words' vectors: texts that share words are near each other."""
    size = dimensions or DIMENSIONS
    made = [hashlib.shake_256(word.encode()).digest(2 * size) for word in text.split() or [""]]
    raw = [sum(values) / 32768 for values in zip(*(struct.unpack(f"<{size}h", each) for each in made), strict=True)]
    length = math.sqrt(sum(value * value for value in raw)) or 1.0
    return [struct.unpack("<f", struct.pack("<f", value / length))[0] for value in raw]


def ranking_of(query: str, documents: list[str], top: int | None) -> list[tuple[int, float]]:
    """Places and scores, best first."""
    wanted = set(query.lower().split())
    scored = [(i, len(wanted & set(d.lower().split())) / (len(wanted) or 1)) for i, d in enumerate(documents)]
    return sorted(scored, key=lambda each: (-each[1], each[0]))[:top]


class _Task:
    """What the vendors here have in common; errors are those of the vendor's chat."""

    MODELS: tuple[str, ...] = ()
    vendor: Any = openai_chat

    def presented_key(self, headers: dict[str, str]) -> str | None:
        return self.vendor.presented_key(headers)

    def answer_headers(self, number: int) -> dict[str, str]:
        return self.vendor.answer_headers(number)

    def error_headers(self, number: int, status: int) -> dict[str, str]:
        return self.vendor.error_headers(number, status)

    def error_body(self, status: int, number: int, message: str | None = None) -> bytes:
        return self.vendor.error_body(status, number, message)

    def stream_error(self, number: int, message: str | None = None) -> bytes:
        return self.vendor.stream_error(number, message)

    def stream(self, *_: Any) -> Iterator[bytes]:
        raise self.vendor.Refused("This is never streamed.")


class OpenAIEmbeddings(_Task):
    PATH = "/v1/embeddings"
    MODELS = ("text-embedding-3-small",)

    def check(self, body: dict[str, Any]) -> None:
        if not isinstance(body.get("model"), str):
            raise openai_chat.Refused("you must provide a model parameter")
        if not body.get("input"):
            raise openai_chat.Refused("'$.input' is invalid. Please check the API reference.")
        if body.get("encoding_format") not in (None, "float", "base64"):
            raise openai_chat.Refused("Invalid value for 'encoding_format'", "encoding_format")
        size = body.get("dimensions") or body.get("output_dimension") or DIMENSIONS
        if type(size) is not int or not 1 <= size <= MOST_DIMENSIONS:
            raise openai_chat.Refused(f"Invalid value for 'dimensions': {size!r}", "dimensions")

    def whole(self, body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:  # noqa: ARG002
        texts = _inputs(body["input"])
        made = [vector_of(text, body.get("dimensions") or body.get("output_dimension")) for text in texts]
        written = _packed if body.get("encoding_format") == "base64" else list[float]
        data = [{"object": "embedding", "index": i, "embedding": written(vector)} for i, vector in enumerate(made)]
        told: dict[str, Any] = {"object": "list", "data": data, "model": model}
        if scenario.usage:
            read = sum(count(text) for text in texts)
            told["usage"] = {"prompt_tokens": read, "total_tokens": read}
        return _dump(told)


class CohereEmbeddings(_Task):
    PATH = "/v2/embed"
    MODELS = ("embed-v4.0",)
    vendor = cohere_chat

    def check(self, body: dict[str, Any]) -> None:
        if not body.get("texts"):
            raise cohere_chat.Refused("texts must not be empty")
        if not body.get("input_type"):
            raise cohere_chat.Refused("valid input_type must be provided with the provided model")

    def whole(self, body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:  # noqa: ARG002
        texts = cast("list[str]", body["texts"])
        made = [vector_of(text, body.get("output_dimension")) for text in texts]
        meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": sum(count(text) for text in texts)}}
        return _dump({"id": f"emb-{number}", "embeddings": {"float": made}, "texts": texts, "meta": meta})


class GeminiEmbeddings(_Task):
    MODELS = ("gemini-embedding-001",)

    def find(self, path: str) -> dict[str, Any] | None:
        found = _GEMINI_PATH.fullmatch(path)
        return {"model": found[1], "stream": False} if found else None

    def presented_key(self, headers: dict[str, str]) -> str | None:
        return headers.get("x-goog-api-key")

    def error_body(self, status: int, number: int, message: str | None = None) -> bytes:  # noqa: ARG002
        kind = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}.get(status, "INTERNAL")
        return _dump({"error": {"code": status, "message": message or "It cannot be done.", "status": kind}})

    def check(self, body: dict[str, Any]) -> None:
        if not objects(body.get("requests")):
            raise openai_chat.Refused("* BatchEmbedContentsRequest.requests: contents is not specified")
        for index, each in enumerate(body["requests"]):
            if not objects(an_object(each.get("content")).get("parts")):
                raise openai_chat.Refused(f"* BatchEmbedContentsRequest.requests[{index}].content: no parts")
            if not isinstance(each.get("model"), str):
                raise openai_chat.Refused(f"* BatchEmbedContentsRequest.requests[{index}].model: model is required")

    def whole(self, body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:  # noqa: ARG002
        made = [
            vector_of(objects(an_object(each["content"])["parts"])[0]["text"], each.get("outputDimensionality"))
            for each in objects(body["requests"])
        ]
        return _dump({"embeddings": [{"values": vector} for vector in made]})


class CohereRerank(_Task):
    PATH = "/v2/rerank"
    MODELS = ("rerank-v3.5",)
    vendor = cohere_chat

    def check(self, body: dict[str, Any]) -> None:
        if not isinstance(body.get("query"), str) or not body.get("documents"):
            raise cohere_chat.Refused("query and documents must be provided")
        if "return_documents" in body:
            raise cohere_chat.Refused("unknown field: parameter 'return_documents' is not a valid field")
        if not all(isinstance(document, str) for document in body["documents"]):
            raise cohere_chat.Refused("documents must be strings")

    def whole(self, body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:  # noqa: ARG002
        found = ranking_of(body["query"], body["documents"], body.get("top_n"))
        results = [{"index": index, "relevance_score": score} for index, score in found]
        meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
        return _dump({"id": f"rank-{number}", "results": results, "meta": meta})


class JinaRerank(_Task):
    PATH = "/v1/rerank"
    MODELS = ("jina-reranker-v2-base-multilingual",)

    def check(self, body: dict[str, Any]) -> None:
        if not isinstance(body.get("query"), str) or not body.get("documents"):
            raise openai_chat.Refused("query and documents must be provided")

    def whole(self, body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:  # noqa: ARG002
        documents = cast("list[str]", body["documents"])
        results: list[dict[str, Any]] = []
        for index, score in ranking_of(body["query"], documents, body.get("top_n") or body.get("top_k")):
            told: dict[str, Any] = {"index": index, "relevance_score": score}
            if body.get("return_documents", True):
                told["document"] = {"text": documents[index]}
            results.append(told)
        read = sum(count(text) for text in [*documents, body["query"]])
        return _dump({"model": model, "results": results, "usage": {"total_tokens": read}})


VENDORS = (OpenAIEmbeddings(), CohereEmbeddings(), GeminiEmbeddings(), CohereRerank(), JinaRerank())


def _inputs(told: Any) -> list[str]:
    if isinstance(told, str):
        return [told]
    items = cast("list[Any]", told)
    if items and isinstance(items[0], int):
        return [" ".join(map(str, items))]
    return [each if isinstance(each, str) else " ".join(map(str, each)) for each in items]


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
