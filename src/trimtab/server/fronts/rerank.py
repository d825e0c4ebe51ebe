"""Reranking as Cohere's first version has it, for providers that know only the second, or another vendor's.

https://docs.cohere.com/v1/reference/rerank: documents may be objects with a ``text``, and ``return_documents`` wants
them back beside their scores. Providers are sent texts, and what is wanted back is put into the answer here.
"""

import logging
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trimtab.gateway.exchange import Exchange
from trimtab.gateway.pipeline import Gateway
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.dialects._reading import BROKEN
from trimtab.server.cycle import HotCycle
from trimtab.server.fronts.around import Around

logger = logging.getLogger("trimtab.http")


class _Asked(Struct):
    documents: list[str | dict[str, Any]]
    return_documents: bool | None = None


_read_asked = msgspec.json.Decoder(_Asked).decode
_read_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_read_results = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_encode = msgspec.json.Encoder().encode


class RerankFront:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._dialect = DIALECTS.get("cohere_rerank")

    async def create(self, cycle: HotCycle) -> None:
        await self._gateway.chat(_first_version(cycle) or cycle, self._dialect)


def _first_version(cycle: HotCycle) -> "GivenBack | None":
    """The call as one of version 2; None where it is one already, or none that can be read: then it is refused."""
    try:
        asked, fields = _read_asked(cycle.body), _read_fields(cycle.body)
    except BROKEN:
        return None
    texts = [_text_of(document) for document in asked.documents]
    if None in texts or ("return_documents" not in fields and texts == asked.documents):
        return None
    fields.pop("return_documents", None)
    fields["documents"] = Raw(_encode(texts))
    return GivenBack(cycle, _encode(fields), asked.documents if asked.return_documents else [])


def _text_of(document: str | dict[str, Any]) -> str | None:
    told = document if isinstance(document, str) else document.get("text")
    return told if isinstance(told, str) else None


class GivenBack(Around):
    """An `Exchange` that puts documents into a ranking on its way to the client."""

    __slots__ = ("_documents",)

    def __init__(self, exchange: Exchange, body: bytes, documents: list[str | dict[str, Any]]) -> None:
        super().__init__(exchange, body)
        self._documents = documents

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        if status == 200 and self._documents:
            try:
                body = self._with_documents(body)
            except (*BROKEN, KeyError):
                logger.warning("a provider's ranking has no indexes to give documents back by")
        super().respond(status, headers, body, content_type)

    def _with_documents(self, body: bytes) -> bytes:
        fields = _read_fields(body)
        results = _read_results(fields["results"])
        for result in results:
            index = msgspec.json.decode(result["index"], type=int)
            if 0 <= index < len(self._documents):
                document = self._documents[index]
                result["document"] = Raw(_encode({"text": document} if isinstance(document, str) else document))
        return _encode(fields | {"results": results})
