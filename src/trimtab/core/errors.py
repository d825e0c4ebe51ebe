"""Every failure that a caller may see, as one tree.

    TrimtabError
    |-- InvalidRequest            400  the body or a parameter is wrong; says which and how to mend it
    |   `-- Unsupported           400  a valid wish that the chosen target cannot grant
    |-- Unauthenticated           401  no key, or one we do not know, or one that has ended
    |-- Forbidden                 403  a known caller without the permission
    |-- NotFound                  404  no such thing in this project
    |-- Conflict                  409  the name is taken, or the thing changed under you
    |-- TooLarge                  413  more bytes than the stated limit
    |-- RateLimited               429  a limit of ours or of the provider; may carry Retry-After
    |-- Unavailable               503  we cannot do it now (draining, disk full, store away); try again
    |-- DeadlineExceeded          504  the time that the caller gave its call is over
    |-- UpstreamFailure           502  the provider failed in a way that is not the caller's doing
    |   |-- UpstreamTimeout       504  the provider took longer than the stated bound
    |   `-- UpstreamRejected      4xx  the provider refused the request; its status and words are kept
    `-- InternalError             500  a defect of ours

``status`` is HTTP's. ``code`` is stable and meant for programs. ``message`` says what is wrong, ``fix`` how to mend
it. ``retryable`` is the answer to "would the same call work later?". Each dialect renders these in its own shape;
`server/problems.py` renders them for the management API.
"""

from typing import Literal

Reason = Literal["", "too_long", "no_money", "filtered", "no_model", "cannot"]
"""What a provider's refusal means, where it says more than its status: the prompt is too long for this model, the
account has no money left, a content filter stepped in, there is no such model, or the model cannot do what is asked."""


class TrimtabError(Exception):
    """The root: carries what every edge needs to answer well."""

    status: int = 500
    code: str = "internal_error"
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        fix: str = "",
        code: str | None = None,
        status: int | None = None,
        retryable: bool | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        if fix:
            self.add_note(fix)  # a traceback ends with it, where nobody else shows it
        self.param = param
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status
        if retryable is not None:
            self.retryable = retryable

    def sentence(self) -> str:
        """The message and, where there is one, the way out, as one text."""
        return f"{self.message} {self.fix}" if self.fix else self.message


class InvalidRequest(TrimtabError):
    status = 400
    code = "invalid_request"


class Unsupported(InvalidRequest):
    code = "unsupported"


class Unauthenticated(TrimtabError):
    status = 401
    code = "unauthenticated"


class Forbidden(TrimtabError):
    status = 403
    code = "forbidden"


class NotFound(TrimtabError):
    status = 404
    code = "not_found"


class Conflict(TrimtabError):
    status = 409
    code = "conflict"


class TooLarge(TrimtabError):
    status = 413
    code = "too_large"


class RateLimited(TrimtabError):
    status = 429
    code = "rate_limited"
    retryable = True


class Unavailable(TrimtabError):
    status = 503
    code = "unavailable"
    retryable = True

    outside: str = ""
    """What whoever only calls models is told in place of ``message``, which says where something of ours is."""


class DeadlineExceeded(TrimtabError):
    """The call's time is over. The caller's own bound says nothing about any provider; ``hung`` where it was the
    operator's, and one attempt had most of it without a word."""

    status = 504
    code = "deadline_exceeded"
    retryable = True
    hung: bool = False


class UpstreamFailure(TrimtabError):
    status = 502
    code = "upstream_failure"
    retryable = True


class UpstreamTimeout(UpstreamFailure):
    status = 504
    code = "upstream_timeout"


class UpstreamRejected(UpstreamFailure):
    """The provider's own refusal. ``status`` is the provider's; ``upstream_code`` its error code, if it gave one."""

    code = "upstream_rejected"
    retryable = False
    reason: Reason = ""
    again: bool | None = None
    """Whether the provider itself says that the call may be repeated; None where it does not say."""
    detail: bytes = b""
    """JSON that the provider gave beside its words, for clients of the dialect ``detail_of``: what a content filter
    found (Azure), which of its errors it is and where (Anthropic)."""
    detail_of: str = ""

    def __init__(
        self, message: str, *, status: int, upstream_code: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(
            message,
            status=status,
            retryable=status in (408, 409, 429) or status >= 500,
            retry_after_s=retry_after_s,
            code="rate_limited" if status == 429 else None,
        )
        self.upstream_code = upstream_code


class InternalError(TrimtabError):
    pass


def forget_frames(error: BaseException) -> None:
    """Let an error that has been dealt with keep none of the frames that it came through. One of them that knows the
    error is garbage that only the collector finds, which seldom runs, and with it goes whatever a call holds: its body,
    say."""
    seen: BaseException | None = error
    while seen is not None and seen.__traceback__ is not None:
        seen.__traceback__ = None
        seen = seen.__context__


def for_callers(error: TrimtabError) -> TrimtabError:
    """The error as whoever only calls models is told it: who operates the server has the whole of it in the call's
    record and the log."""
    if not isinstance(error, Unavailable) or not error.outside:
        return error
    told = Unavailable(error.outside, fix=error.fix, code=error.code, retry_after_s=error.retry_after_s)
    told.status, told.retryable = error.status, error.retryable
    return told
