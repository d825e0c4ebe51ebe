"""AWS's refusals: the words stand in the body, the kind in a header.

https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html. A model that is not ready, or was too slow,
is no fault of the caller's: AWS's own clients try these again, and the statuses (429, 408) say so.
"""

from collections.abc import Mapping

from trimtab.core.errors import UpstreamRejected
from trimtab.llm.dialects._errors import rejected

RETRYABLE = frozenset({"ModelErrorException"})


def parse_error(status: int, body: bytes, headers: Mapping[str, str]) -> UpstreamRejected:
    error = rejected(status, body, headers)
    # ``ThrottlingException:http://internal.amazon.com/coral/...``
    kind = headers.get("x-amzn-errortype", "").partition(":")[0].rpartition("#")[2].strip()
    if kind:
        error.upstream_code = kind[:100]
    if error.upstream_code in RETRYABLE:
        error.retryable = True
    return error
