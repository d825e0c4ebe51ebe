"""For clients that never speak TLS: to a socket of this machine, to an address that begins with ``http:``."""

import ssl
from functools import cache


@cache
def no_tls() -> ssl.SSLContext:
    """What httpx is handed as ``verify``, for all such clients together. Without it each of them reads the certificate
    authorities of all the world, for 26 ms of a processor. This one knows no authority: whatever speaks TLS after all,
    it trusts nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
