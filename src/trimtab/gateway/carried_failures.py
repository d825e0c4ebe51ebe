"""What it means where a provider does not answer a call that passes through."""

import httpx

from trimtab.core.errors import TrimtabError, UpstreamFailure, UpstreamTimeout

_MORE_TIME = "Raise the provider's timeouts, or try again."


def unanswered(error: TimeoutError | httpx.HTTPError) -> TrimtabError:
    """Before it has begun to answer."""
    kind = type(error).__name__
    if isinstance(error, TimeoutError):  # bytes came, and no answer
        return UpstreamTimeout("The provider did not answer in time.", fix=_MORE_TIME)
    if isinstance(error, httpx.ConnectTimeout):
        return UpstreamTimeout(
            f"The provider did not take the connection in time ({kind}).",
            fix=_MORE_TIME,
            code="upstream_timeout_connect",
        )
    if isinstance(error, httpx.TimeoutException):
        return UpstreamTimeout(f"The provider did not answer in time ({kind}).", fix=_MORE_TIME)
    if isinstance(error, httpx.ConnectError):
        return UpstreamFailure(f"The provider cannot be reached ({kind}).", code="upstream_unreachable")
    return UpstreamFailure(f"The provider broke off before it answered ({kind}).", code="upstream_reset")
