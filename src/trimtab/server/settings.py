"""Every setting of the server, in one place: an environment variable each, most with an option of ``trimtab up``.

`Settings.read` checks them all and refuses wrong ones with the variable's name and an example; `table` renders the
reference page. A setting that is not here does not exist.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest

LogLevel = Literal["debug", "info", "warning", "error"]
SpoolSync = Literal["normal", "full"]


class Settings(Struct, frozen=True, kw_only=True):
    """The server's settings, checked. Secrets stay out of its ``repr``."""

    data_dir: Path = Path("trimtab-data")
    database_url: str = ""
    telemetry_url: str = ""
    admin_key: str | None = None
    secret_key: str | None = None
    host: str = "127.0.0.1"
    port: int = 4600
    config: Path | None = None
    workers: int = 1
    spool_sync: SpoolSync = "normal"
    spool_max_mb: int = 4096
    mappers: int | None = None
    log_level: LogLevel = "info"
    drain_seconds: float = 30.0
    max_body_mb: int = 32
    max_calls: int = 4096
    otlp_max_body_mb: int = 64
    otlp_backlog_mb: int = 2048
    otlp_grpc_port: int = 0
    cache_max_mb: int = 1024
    knowledge_memory_mb: int = 1024
    idempotency_hours: int = 24
    responses_days: int = 30
    session_hours: int = 168
    session_idle_hours: int = 24
    public_url: str = ""
    forward_allow: str = ""

    def __repr__(self) -> str:
        return (
            f"Settings(data_dir={str(self.data_dir)!r}, host={self.host!r}, port={self.port}, workers={self.workers})"
        )

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, **options: object) -> "Settings":
        """From the environment, with command-line options on top (None: not given). Raises `InvalidRequest`."""
        source = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for setting in SETTINGS:
            given = options.get(setting.field)
            text = source.get(setting.variable, "").strip() if given is None else str(given)
            if text:
                values[setting.field] = setting.parse(text)
        return cls(**values)

    @property
    def catalog_url(self) -> str:
        """The database's URL: the setting, or a SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'catalog.sqlite'}"

    @property
    def catalog_kind(self) -> Literal["sqlite", "postgresql"]:
        return "sqlite" if self.catalog_url.startswith("sqlite") else "postgresql"

    @property
    def telemetry_kind(self) -> Literal["chdb", "clickhouse"]:
        return "chdb" if not self.telemetry_url or self.telemetry_url.startswith("chdb:") else "clickhouse"

    @property
    def address(self) -> str:
        """Where people reach the console: the public URL, or what can be said from host and port; without a slash."""
        if self.public_url:
            return self.public_url
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104 compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def at_port(self, port: int) -> "Settings":
        """The same with the port that was really bound (after asking for port 0)."""
        return replace(self, port=port)


class Setting(Struct, frozen=True, kw_only=True):
    """One setting, documented. ``option`` is empty where only the environment sets it (secrets)."""

    variable: str
    field: str
    option: str
    default: str
    meaning: str
    example: str
    check: Callable[[str], object]
    secret: bool = False

    def parse(self, text: str) -> object:
        try:
            return self.check(text)
        except ValueError as error:
            shown = "" if self.secret else f" not {text[:80]!r}"
            raise InvalidRequest(
                f"{self.variable} {error},{shown}." if shown else f"{self.variable} {error}.",
                fix=f"Set for example {self.variable}={self.example}.",
                param=self.variable,
            ) from None


def _whole(low: int, high: int) -> Callable[[str], int]:
    def check(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not low <= int(text[:12]) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return check


def _seconds(high: float) -> Callable[[str], float]:
    def check(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= high:
            raise ValueError(f"must be a number of seconds from 0 to {high:g}")
        return value

    return check


def _networks(text: str) -> str:
    from trimtab.telemetry.forward.guard import networks  # it knows an HTTP client, which not every command needs

    networks(text)
    return text


def _one_of(*choices: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return check


def _host(text: str) -> str:
    if not text.isascii() or not text.isprintable() or any(mark in text for mark in " /@"):
        raise ValueError("must be a host name or an address")
    return text


def _url(*schemes: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        scheme, mark, rest = text.partition("://")
        if not mark or scheme not in schemes or not rest or any(letter.isspace() for letter in text):
            raise ValueError(f"must be a URL that starts with {' or '.join(f'{name}://' for name in schemes)}")
        return text.rstrip("/") if scheme.startswith("http") else text

    return check


def _secret_key(text: str) -> str:
    from trimtab.governance.secrets import parse_keys

    try:
        parse_keys(text)
    except InvalidRequest:
        raise ValueError("must be 32 bytes, as 64 hex digits or in base64") from None
    return text


def _admin_key(text: str) -> str:
    from trimtab.governance.keys import check_chosen

    try:
        check_chosen(text)
    except InvalidRequest:
        raise ValueError("must be at least 20 printable ASCII characters without blanks") from None
    return text


SETTINGS: tuple[Setting, ...] = (
    Setting(
        variable="TRIMTAB_DATA_DIR",
        field="data_dir",
        option="--data-dir",
        default="`trimtab-data` in the current folder",
        meaning="The folder that holds everything: catalog, spool, telemetry store, blobs, key file. Mode 0700.",
        example="/var/lib/trimtab",
        check=Path,
    ),
    Setting(
        variable="TRIMTAB_HOST",
        field="host",
        option="--host",
        default="`127.0.0.1`",
        meaning="The address to listen on. Anything but loopback is reachable by others: put TLS in front.",
        example="0.0.0.0",  # noqa: S104 an example
        check=_host,
    ),
    Setting(
        variable="TRIMTAB_PORT",
        field="port",
        option="--port",
        default="`4600`",
        meaning="The port to listen on; 0 takes a free one and says which.",
        example="4600",
        check=_whole(0, 65_535),
    ),
    Setting(
        variable="TRIMTAB_CONFIG",
        field="config",
        option="--config",
        default="none",
        meaning="A YAML file that declares providers and models; what it names wins over the catalog.",
        example="/etc/trimtab.yaml",
        check=Path,
    ),
    Setting(
        variable="TRIMTAB_WORKERS",
        field="workers",
        option="--workers",
        default="`1`",
        meaning="Server processes that share the port.",
        example="4",
        check=_whole(1, 64),
    ),
    Setting(
        variable="TRIMTAB_DATABASE_URL",
        field="database_url",
        option="",
        default="`catalog.sqlite` in the data folder",
        meaning="The catalog: projects, keys, providers, models. A SQLite file or a PostgreSQL database.",
        example="postgresql://trimtab:password@db:5432/trimtab",
        check=_url("sqlite", "postgresql", "postgres", "postgresql+asyncpg"),
        secret=True,
    ),
    Setting(
        variable="TRIMTAB_TELEMETRY_URL",
        field="telemetry_url",
        option="",
        default="an embedded store in the data folder",
        meaning="The telemetry store: chDB in a folder, or a ClickHouse server's HTTP interface.",
        example="chdb:///var/lib/trimtab/telemetry",
        check=_url("chdb", "http", "https"),
        secret=True,
    ),
    Setting(
        variable="TRIMTAB_ADMIN_KEY",
        field="admin_key",
        option="",
        default="made and printed at the first start",
        meaning="The admin key, for automation. Only its digest is stored; when the value changes the old key ends. "
        "When the variable is removed, the last key stays in force.",
        example="tt_choose-your-own-long-secret",
        check=_admin_key,
        secret=True,
    ),
    Setting(
        variable="TRIMTAB_SECRET_KEY",
        field="secret_key",
        option="",
        default="the file `secret.key` of the data folder, made at the first start with mode 0600",
        meaning="32 bytes (64 hex digits or base64) that encrypt stored secrets; the same on every machine. While it "
        "is changed: the new one, a comma, the old one.",
        example="$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')",
        check=_secret_key,
        secret=True,
    ),
    Setting(
        variable="TRIMTAB_SPOOL_SYNC",
        field="spool_sync",
        option="",
        default="`normal`",
        meaning="`normal` survives the death of any process; `full` also waits for the disk, and survives a power cut.",
        example="full",
        check=_one_of("normal", "full"),
    ),
    Setting(
        variable="TRIMTAB_SPOOL_MAX_MB",
        field="spool_max_mb",
        option="",
        default="`4096`",
        meaning="Megabytes of records that may wait on disk for the telemetry store before calls are refused.",
        example="8192",
        check=_whole(1, 1_000_000),
    ),
    Setting(
        variable="TRIMTAB_MAPPERS",
        field="mappers",
        option="",
        default="`1` where there are two processors or more, else `0`",
        meaning="How many processes may help to store other tools' spans while more of them wait than one can map. They"
        " are started for that, hold some 100 MB each, and end after it. More than one is worth it with four processors"
        " or more.",
        example="2",
        check=_whole(0, 16),
    ),
    Setting(
        variable="TRIMTAB_LOG_LEVEL",
        field="log_level",
        option="--log-level",
        default="`info`",
        meaning="How much is logged: `debug`, `info`, `warning` or `error`. Never a secret, never content.",
        example="debug",
        check=_one_of("debug", "info", "warning", "error"),
    ),
    Setting(
        variable="TRIMTAB_DRAIN_SECONDS",
        field="drain_seconds",
        option="",
        default="`30`",
        meaning="How long running calls may take to finish after SIGTERM.",
        example="120",
        check=_seconds(3600),
    ),
    Setting(
        variable="TRIMTAB_CACHE_MAX_MB",
        field="cache_max_mb",
        option="",
        default="`1024`",
        meaning="What stored answers may take on disk; the least lately used go first.",
        example="1024",
        check=_whole(1, 1_000_000),
    ),
    Setting(
        variable="TRIMTAB_KNOWLEDGE_MEMORY_MB",
        field="knowledge_memory_mb",
        option="",
        default="`1024`",
        meaning="What indexes of corpora may take in a process, mapped or not; the least lately used are let go first.",
        example="1024",
        check=_whole(1, 1_000_000),
    ),
    Setting(
        variable="TRIMTAB_IDEMPOTENCY_HOURS",
        field="idempotency_hours",
        option="",
        default="`24`",
        meaning="How long the answer to an `Idempotency-Key` can be asked for again.",
        example="24",
        check=_whole(1, 744),
    ),
    Setting(
        variable="TRIMTAB_RESPONSES_DAYS",
        field="responses_days",
        option="",
        default="`30`",
        meaning="How long an answer of the Responses API can be gone on from by its id; 0 keeps none.",
        example="7",
        check=_whole(0, 3650),
    ),
    Setting(
        variable="TRIMTAB_MAX_BODY_MB",
        field="max_body_mb",
        option="",
        default="`32`",
        meaning="The largest request body of a model call, in megabytes.",
        example="64",
        check=_whole(1, 1024),
    ),
    Setting(
        variable="TRIMTAB_MAX_CALLS",
        field="max_calls",
        option="",
        default="`4096`",
        meaning="Calls that each worker has at providers at once; twice as many more wait in turn.",
        example="500",
        check=_whole(1, 1_000_000),
    ),
    Setting(
        variable="TRIMTAB_OTLP_MAX_BODY_MB",
        field="otlp_max_body_mb",
        option="",
        default="`64`",
        meaning="The largest OTLP body, in megabytes, before and after decompression.",
        example="128",
        check=_whole(1, 1024),
    ),
    Setting(
        variable="TRIMTAB_OTLP_BACKLOG_MB",
        field="otlp_backlog_mb",
        option="",
        default="`2048`",
        meaning="Megabytes of foreign spans that may wait on disk, per worker, before exporters must come again later.",
        example="8192",
        check=_whole(1, 1_000_000),
    ),
    Setting(
        variable="TRIMTAB_OTLP_GRPC_PORT",
        field="otlp_grpc_port",
        option="",
        default="`0`: off",
        meaning="The port for OTLP over gRPC, usually 4317; needs the extra `grpc`.",
        example="4317",
        check=_whole(0, 65_535),
    ),
    Setting(
        variable="TRIMTAB_FORWARD_ALLOW",
        field="forward_allow",
        option="",
        default="none",
        meaning="Private networks that closed traces may be sent to ([forwarding](../forward.md)), "
        "with commas between.",
        example="10.0.0.0/8,127.0.0.1",
        check=_networks,
    ),
    Setting(
        variable="TRIMTAB_SESSION_HOURS",
        field="session_hours",
        option="",
        default="`168`",
        meaning="After how many hours people sign in again, whatever they did ([sessions](../people.md)).",
        example="12",
        check=_whole(1, 8760),
    ),
    Setting(
        variable="TRIMTAB_SESSION_IDLE_HOURS",
        field="session_idle_hours",
        option="",
        default="`24`",
        meaning="After how many hours without a request people sign in again.",
        example="1",
        check=_whole(1, 8760),
    ),
    Setting(
        variable="TRIMTAB_PUBLIC_URL",
        field="public_url",
        option="",
        default="from host and port",
        meaning="Where people reach the server, for links; with `https://`, cookies travel over TLS only.",
        example="https://trimtab.example.com",
        check=_url("http", "https"),
    ),
)


def table() -> str:
    """The reference page, in Markdown."""
    head = (
        "# Settings\n\n"
        "Every setting of `trimtab up`. An option on the command line wins over the variable. "
        "This page is generated: run `python -m trimtab.server.settings > docs/reference/settings.md`.\n\n"
        "| variable | option | default | meaning | example |\n|---|---|---|---|---|\n"
    )
    lines = (
        f"| `{s.variable}` | {f'`{s.option}`' if s.option else ''} | {s.default} | {s.meaning} | `{s.example}` |"
        for s in SETTINGS
    )
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(table())
