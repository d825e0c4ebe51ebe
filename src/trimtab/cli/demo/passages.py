"""Short passages of our own documentation, which the demo's questions are about.

A model of 135 million parameters knows nothing of Trimtab; it can find an answer in a few sentences put before it. A
test sees to it that each passage stands word for word in ``docs/``.
"""

PASSAGES: dict[str, str] = {
    "name": (
        "A trim tab is the small surface that steers the big rudder. Trimtab is the small server that steers large "
        "language models in production."
    ),
    "server": (
        "One command, `trimtab up`, starts a server process and its child, the telemetry process. Everything is kept "
        "in one data folder. The server listens on port 4600 and only on this machine, unless told otherwise."
    ),
    "gateway": (
        "An application changes one base URL, and its model calls go through the gateway. The gateway accepts the "
        "official OpenAI and Anthropic clients unchanged and sends each call to the provider that its model name "
        "stands for."
    ),
    "attempt": (
        "A request is one call by a client. An attempt is one upstream call made for it. When an attempt fails before "
        "its first token, the gateway asks again or tries the next model in the fallback list"
    ),
    "decision": (
        "The decision record says why each target was chosen or passed over. It is kept with the trace, so nobody has "
        "to guess why a call went where it went."
    ),
    "trace": (
        "A trace is everything that happened for one request. It consists of spans: one span for the request and one "
        "for each attempt. Each span carries its messages, tokens, cost and time to first token."
    ),
    "session": (
        "A session groups the traces of one conversation. A client names it in the header trimtab-session. The header "
        "trimtab-user names the end user, and trimtab-feature names the feature that made the call."
    ),
    "spool": (
        "The record of a call is written to the spool, a file on disk, before the last byte of the answer leaves. If "
        "the server is killed right after, the record is still there and reaches the store after the restart."
    ),
    "cost": (
        "Cost is computed from dated prices in the price book. When no price is known, the cost is unknown; it is "
        "never shown as zero. The price of the local model is zero, because it runs on the server's own machine."
    ),
    "tokens": (
        "Tokens are counted in buckets that never overlap: fresh input, cache reads, cache writes, output and "
        "reasoning. Their sum is every token that was read or written, so nothing is counted twice."
    ),
    "keys": (
        "Each application gets a virtual key of its own. The secret is shown once and stored only as a hash. A revoked "
        "key stops working at once on every worker."
    ),
    "secrets": (
        "The keys of providers are encrypted at rest with a key file that only the server may read. They are never "
        "logged and never returned by the API."
    ),
    "project": (
        "A project is the boundary between tenants: it has its own keys, models and data, and nothing crosses it. A "
        "switch per project keeps the content of calls out of the traces."
    ),
    "doctor": (
        "The command `trimtab doctor` checks the installation, the data folder, the stores, the providers, the clock "
        "and the free disk space. For each problem it says how to fix it."
    ),
}
