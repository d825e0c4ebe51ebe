"""A store behind ClickHouse's HTTP interface: a real server, or the telemetry process's shim of it on a unix socket.

Wire: https://clickhouse.com/docs/interfaces/http. The statement (or the rows, with the INSERT in ``query``) is the body
of a POST; ``param_<name>`` binds a placeholder; an error is any status but 200, its text in the body.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from trimtab.telemetry.stores import ROWS, Encoded, Limits, StoreAway, StorePlug, failure, format_of, insert_sql
from trimtab.telemetry.stores._changes import settings
from trimtab.telemetry.stores._schema import Topology, migrate

CONNECT_S = 5.0
ANSWER_S = 120.0
BEHIND_HEADER = "x-trimtab-behind-ms"
"""On each answer of the shim: how old the oldest record is that the store does not have yet; 0 where there is none."""
PERSONS_HEADER = "x-trimtab-persons"
"""On a statement that somebody else wrote (the SQL door)."""


class Address:
    """A ClickHouse URL taken apart: ``http(s)://user:password@host:8123/database?cluster=name``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        default = 8443 if parts.scheme == "https" else 8123
        self.base = f"{parts.scheme}://{parts.hostname}:{parts.port or default}"
        self.database = parts.path.strip("/")
        self.cluster = parse_qs(parts.query).get("cluster", [""])[0]
        self.headers: dict[str, str] = {}
        if parts.username:
            self.headers["X-ClickHouse-User"] = unquote(parts.username)
            self.headers["X-ClickHouse-Key"] = unquote(parts.password or "")

    def query(self, params: Mapping[str, str], fmt: str) -> dict[str, str]:
        """The URL's query for one statement."""
        found = {f"param_{name}": value for name, value in params.items()}
        found["default_format"] = fmt
        # Older servers quote 64-bit numbers in JSON; the engine in process does not.
        found["output_format_json_quote_64bit_integers"] = "0"
        if self.database:
            found["database"] = self.database
        # Else what fails in the middle of an answer comes as 200, with rows before it and the error behind them
        # (https://clickhouse.com/docs/interfaces/http#http_response_codes_caveats).
        found["wait_end_of_query"] = "1"
        return found | settings(self.cluster)


class ClickHouseStore:
    """Blocking client; one connection pool, safe to share between threads."""

    def __init__(self, url: str, *, uds: Path | None = None) -> None:
        import httpx  # 4 MB, which a telemetry process that has an engine of its own need not hold

        from trimtab.core.no_tls import no_tls

        self.address = Address(url)
        transport = httpx.HTTPTransport(verify=no_tls(), uds=str(uds)) if uds else None
        self._http = httpx.Client(
            base_url=self.address.base,
            headers=self.address.headers,
            transport=transport,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
        )

    def prepare(self) -> None:
        migrate(self.query, Topology(cluster=self.address.cluster))

    def query(self, sql: str, params: Mapping[str, str], fmt: str = ROWS) -> bytes:
        found = self._post(self.address.query(params, fmt), sql.encode())
        if fmt == ROWS and not is_whole(found):
            raise StoreAway(
                f"The telemetry store at {self.address.base} answered no rows, or not all: {found[-200:]!r}"
            )
        return found

    def insert(self, table: str, columns: tuple[str, ...], rows: Encoded, token: str) -> None:
        statement = f"{insert_sql(table, columns, token)} FORMAT {format_of(rows)}"
        body = rows if isinstance(rows, bytes) else b"".join(rows)
        self._post({**self.address.query({}, ROWS), "query": statement}, body, inserting=True)

    def close(self) -> None:
        self._http.close()

    def _post(self, query: dict[str, str], body: bytes, *, inserting: bool = False) -> bytes:
        import httpx

        try:
            answer = self._http.post("/", params=query, content=body)
        except httpx.HTTPError as error:
            raise StoreAway(f"The telemetry store at {self.address.base} does not answer: {error!r}") from error
        if answer.status_code != 200:
            raise failure(answer.text, inserting=inserting)
        return answer.content


def is_whole(rows: bytes) -> bool:
    """Whether an answer in the format `ROWS` is nothing but rows: what stands between us and a server may have cut it,
    or answered in its place."""
    return not rows or (rows.startswith(b"[") and rows.endswith(b"]\n"))


def _open(url: str, limits: Limits) -> ClickHouseStore:
    del limits  # a server of its own has its own
    return ClickHouseStore(url)


PLUG = StorePlug(schemes=("http", "https"), open=_open)
