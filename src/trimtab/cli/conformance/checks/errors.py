"""A wrong key, an unknown model and a broken body get this dialect's error, with words."""

import json

from trimtab.cli.conformance.checks._asking import asking
from trimtab.cli.conformance.client import FrontClient, Raw
from trimtab.cli.conformance.suite import Bench, Check, Fails
from trimtab.llm.auth import headers_of

_UNKNOWN = "no-such-model-here"


def _run(bench: Bench) -> str:
    front = bench.front
    body = front.body(asking("Hello"))
    there, gone = json.dumps(front.model).encode(), json.dumps(_UNKNOWN).encode()
    url = front.url().replace(f"/{front.model}:", f"/{_UNKNOWN}:")
    told = [
        _refusal(front, "a wrong key", 401, front.send(body, auth=headers_of(front.dialect.auth, "tt_wrong"))),
        _refusal(front, "an unknown model", 404, front.send(body.replace(there, gone), url=url)),
        _refusal(front, "a body that is no JSON", 400, front.send(b'{"model": ')),
    ]
    return "; ".join(told)


def _refusal(front: FrontClient, what: str, status: int, raw: Raw) -> str:
    if raw.status != status:
        raise Fails(f"{what} should be answered with {status} and is with {raw.status}: {raw.body[:200]!r}")
    if not raw.headers.get("content-type", "").startswith("application/json"):
        raise Fails(f"{what} is answered with {raw.headers.get('content-type')!r}, not with JSON.")
    error = front.dialect.parse_error(raw.status, raw.body, raw.headers)
    if not error.message or not error.upstream_code:
        raise Fails(f"{what} is refused without words or without a code: {raw.body[:200]!r}")
    return f"{what}: {status} {error.upstream_code}"


PLUG = Check(title="mistakes get this dialect's errors", run=_run, optional=False)
