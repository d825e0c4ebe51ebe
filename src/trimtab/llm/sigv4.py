"""AWS Signature Version 4 for one POST with a body in memory.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Signed are the host, the
content type, the body's digest, the time and, for temporary credentials, their token. The path is encoded once more for
the signature than on the wire, as every service but S3 demands.
"""

import hashlib
import hmac
import time
from urllib.parse import quote

from msgspec import Struct

ALGORITHM = "AWS4-HMAC-SHA256"
SECOND = 1_000_000_000


class Credentials(Struct, frozen=True, kw_only=True):
    """``session_token`` comes with temporary credentials."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r})"


class Signer:
    """Signs requests to one path of one host. ``path`` is as on the wire, query included."""

    def __init__(self, credentials: Credentials, *, service: str, region: str, host: str, path: str) -> None:
        self._credentials = credentials
        self._service = service
        self._region = region
        bare, _, query = path.partition("?")
        self._constant = {"content-type": "application/json", "host": host}
        if credentials.session_token:
            self._constant["x-amz-security-token"] = credentials.session_token
        self._first = f"POST\n{quote(bare or '/', safe='/~')}\n{_canonical_query(query)}"
        self._key = ("", b"")

    def __call__(self, body: bytes, now_ns: int) -> bytes:
        """The header lines of a request made now (Unix ns), each ending in CRLF."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_ns // SECOND))
        digest = hashlib.sha256(body).hexdigest()
        headers = self._constant | {"x-amz-content-sha256": digest, "x-amz-date": stamp}
        lines = [f"{name}: {value}" for name, value in headers.items() if name.startswith("x-amz-")]
        lines.append(f"authorization: {self.authorization(headers, digest, stamp)}")
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")

    def authorization(self, headers: dict[str, str], digest: str, stamp: str) -> str:
        """The value of the header ``authorization`` that signs just ``headers`` (names in lower case) and a body by its
        SHA-256; ``stamp`` is the time as ``20150830T123600Z``."""
        names = sorted(headers)
        listed = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
        signed = ";".join(names)
        canonical = f"{self._first}\n{listed}\n{signed}\n{digest}"
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        told = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self._key_of(stamp[:8]), told.encode(), hashlib.sha256).hexdigest()
        identity = f"Credential={self._credentials.access_key_id}/{scope}"
        return f"{ALGORITHM} {identity}, SignedHeaders={signed}, Signature={signature}"

    def _key_of(self, day: str) -> bytes:
        """The day's signing key: four digests that need not be made again for each call."""
        if self._key[0] != day:
            key = f"AWS4{self._credentials.secret_access_key}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            self._key = (day, key)
        return self._key[1]


def _canonical_query(query: str) -> str:
    """Parameters in order of name, then value; they are percent-encoded already."""
    return "&".join(
        "=".join(pair) for pair in sorted((n, v) for n, _, v in (p.partition("=") for p in query.split("&")) if n)
    )
