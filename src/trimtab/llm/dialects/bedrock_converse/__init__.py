"""Amazon Bedrock's Converse and ConverseStream, as an upstream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. Checked against the service model of
AWS's Python SDK (botocore). Its streams are not server-sent events but binary messages (`llm/eventstream.py`), its
requests are signed (`llm/sigv4.py`) or carry a bearer key.
"""

from collections.abc import Mapping
from urllib.parse import quote

from trimtab.llm.auth import Auth
from trimtab.llm.dialects import Dialect, Operation, Splitter, StreamDecoder
from trimtab.llm.dialects._upstream_only import UpstreamOnly
from trimtab.llm.dialects.bedrock_converse import errors, render, response, stream
from trimtab.llm.eventstream import EventStreamSplitter


class BedrockConverse(UpstreamOnly):
    name = "bedrock_converse"
    operation: Operation = "chat"
    auth = Auth("sigv4", "bedrock")
    headers: Mapping[str, str] = {"accept": "application/json, application/vnd.amazon.eventstream"}

    render_request = staticmethod(render.render_request)
    parse_response = staticmethod(response.parse_response)
    parse_error = staticmethod(errors.parse_error)

    def path(self, model: str, *, stream: bool) -> str:
        return f"/model/{quote(model, safe='')}/{'converse-stream' if stream else 'converse'}"

    def splitter(self) -> Splitter:
        return EventStreamSplitter()

    def stream_decoder(self) -> StreamDecoder:
        return stream.ConverseStreamDecoder()


PLUG: Dialect = BedrockConverse()
