"""Those that `peers.py` compares: how each is installed, started, sent to and asked, one class each.

Every question is asked through the server's own HTTP API, the way its own pages or client ask it. What a server cannot
answer is left out (`None`).
"""

import json
import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from bench.gateway.measures import descendants
from bench.gateway.peers import environment, free_port

ADMIN = "tt_" + "admin-key-of-the-benchmark-0123456789abcdefghij"
READY_S = 180.0


class Refused(Exception):
    """A server answered a question with something else than its answer."""


class Server(ABC):
    """One server with a folder of its own, from start to stop."""

    name: ClassVar[str]
    settings: ClassVar[str]
    """What is chosen, for the table of what is compared."""
    acknowledges: ClassVar[str]
    """What its answer to a batch promises."""

    def __init__(self, home: Path, work: Path) -> None:
        self.home = home
        self.work = work
        self.port = free_port()
        self.log = work / "server.log"
        work.mkdir(parents=True)
        self._process = self.start()
        self._http = HTTPConnection("127.0.0.1", self.port, timeout=120)

    @classmethod
    def told(cls) -> str:
        """Its settings as they are in this run."""
        return cls.settings

    @classmethod
    @abstractmethod
    def install(cls, home: Path) -> str:
        """Make sure that it is there; its version."""

    @abstractmethod
    def start(self) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def ready(self) -> bool: ...

    @abstractmethod
    def headers(self) -> dict[str, str]:
        """What a batch is sent with."""

    @abstractmethod
    def counted(self) -> int:
        """Spans that can be queried."""

    @abstractmethod
    def distinct(self) -> tuple[int, int]:
        """Spans and traces there are, each counted by its id."""

    @abstractmethod
    def open_trace(self, trace_id: str) -> int:
        """A trace with all texts of its model calls; how many spans there were."""

    @abstractmethod
    def newest(self, model: str) -> int:
        """The newest 50 with one model; how many there were."""

    @abstractmethod
    def groups(self, models: list[str]) -> int:
        """Count and p50, p95, p99 of the duration of each model's spans; how many models."""

    @abstractmethod
    def search(self, word: str) -> int:
        """The newest 50 whose texts have a word; how many there were."""

    def launch(self, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.work, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_ready(self) -> float:
        began = time.monotonic()
        while time.monotonic() - began < READY_S:
            if self._process.poll() is not None:
                break
            try:
                if self.ready():
                    return time.monotonic() - began
            except (OSError, HTTPException, Refused, ValueError):
                self._http.close()
            time.sleep(0.1)
        raise SystemExit(f"{self.name} did not become ready: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        family = self.pids()
        self._http.close()
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in family[1:]:
            _kill(pid)
        shutil.rmtree(self.work, ignore_errors=True)

    def pids(self) -> list[int]:
        return [self._process.pid, *descendants(self._process.pid)]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a question; raises `Refused`."""
        headers = {"content-type": "application/json", **self.headers()}
        sent = None if body is None else json.dumps(body)
        try:
            self._http.request(method, path, sent, headers)
            answer = self._http.getresponse()
        except (ConnectionError, HTTPException):  # servers close a connection that was idle for a few seconds
            self._http.close()
            self._http.request(method, path, sent, headers)
            answer = self._http.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise Refused(f"{self.name} answered {answer.status} to {path}: {told[:300]!r}")
        return json.loads(told)


class Trimtab(Server):
    name = "trimtab"
    settings = "`trimtab up` of a checkout: one worker, key checked, embedded store, detectors and text index on"
    python: str = sys.executable
    acknowledges = "in the spool's file (`normal`: handed to the kernel; survives the death of every process)"

    @classmethod
    def install(cls, home: Path) -> str:
        from trimtab import __version__

        return __version__

    def start(self) -> subprocess.Popen[bytes]:
        command = [self.python, "-m", "trimtab.cli.main", "up", "--port", str(self.port)]
        return self.launch([*command, "--data-dir", str(self.work / "data")], {"TRIMTAB_ADMIN_KEY": ADMIN})

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {ADMIN}"}

    def ready(self) -> bool:
        return self.ask("GET", "/api/v1/status")["telemetry"]["state"] == "ok"

    def counted(self) -> int:
        """By a question: what the status tells is a few seconds old."""
        return int(self._sql("SELECT count() FROM spans")[0])

    def _sql(self, sql: str) -> list[Any]:
        return self.ask("POST", "/api/v1/projects/default/sql", {"sql": sql})["rows"][0]

    def distinct(self) -> tuple[int, int]:
        found = self._sql("SELECT count(), count(DISTINCT span_id), count(DISTINCT trace_id) FROM spans")
        rows, spans, traces = (int(each) for each in found)
        if rows != spans:
            raise Refused(f"{rows} rows are {spans} spans: some are there twice.")
        return spans, traces

    def open_trace(self, trace_id: str) -> int:
        path = f"/api/v1/projects/default/traces/{trace_id}"
        spans = self.ask("GET", path)["spans"]
        for span in spans:
            if span["kind"] == "llm":
                texts = self.ask("GET", f"{path}/spans/{span['span_id']}/io")
                assert texts["input"]
        return len(spans)

    def newest(self, model: str) -> int:
        return len(self.ask("GET", f"/api/v1/projects/default/traces?limit=50&q=model:{model}+-status:error")["rows"])

    def groups(self, models: list[str]) -> int:
        asked = "metrics=count,p50(duration),p95(duration),p99(duration)&group_by=model&of=spans&q=kind:llm"
        return len(self.ask("GET", f"/api/v1/projects/default/aggregate?{asked}")["groups"])

    def search(self, word: str) -> int:
        return len(self.ask("GET", f"/api/v1/projects/default/traces?limit=50&q={quote(word)}")["rows"])


class Compiled(Trimtab):
    name = "trimtab-compiled"
    settings = "the same as `pip install '.[server]'` puts it in place where there is a C compiler"

    @classmethod
    def install(cls, home: Path) -> str:
        from scripts.compiled import environment

        cls.python = str(environment())
        return super().install(home)


class Phoenix(Server):
    name = "phoenix"
    settings = "`phoenix serve` as it comes: one process, SQLite in WAL mode without syncs, queue of 20,000 spans"
    acknowledges = "in the memory of the process"
    package = "arize-phoenix==20.26.1"

    @classmethod
    def install(cls, home: Path) -> str:
        environment(home, "phoenix", [cls.package])
        return cls.package.partition("==")[2]

    def start(self) -> subprocess.Popen[bytes]:
        env = {
            "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_WORKING_DIR": str(self.work),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        }
        return self.launch([str(self.home / "phoenix/bin/phoenix"), "serve"], env)

    def headers(self) -> dict[str, str]:
        return {}

    def ready(self) -> bool:
        self._http.request("GET", "/healthz")
        answer = self._http.getresponse()
        answer.read()
        return answer.status == 200

    def _project(self, asked: str, **values: object) -> dict[str, Any]:
        names = "".join(f", ${name}: {'[String!]' if isinstance(v, list) else 'String'}" for name, v in values.items())
        query = f"query ($name: String!{names}) {{ getProjectByName(name: $name) {{ {asked} }} }}"
        told = self.ask("POST", "/graphql", {"query": query, "variables": {"name": "default", **values}})
        if told.get("errors"):
            raise Refused(f"phoenix said {told['errors']}")
        return told["data"]["getProjectByName"] or {}

    def counted(self) -> int:
        return int(self._project("recordCount").get("recordCount", 0))

    def distinct(self) -> tuple[int, int]:
        spans: set[str] = set()
        traces: set[str] = set()
        cursor, rows = "", 0
        while True:
            page = self.ask("GET", f"/v1/projects/default/spans?limit=1000{cursor}")
            rows += len(page["data"])
            spans |= {each["context"]["span_id"] for each in page["data"]}
            traces |= {each["context"]["trace_id"] for each in page["data"]}
            if not page["next_cursor"]:
                break
            cursor = f"&cursor={quote(page['next_cursor'])}"
        if rows != len(spans):
            raise Refused(f"{rows} rows are {len(spans)} spans: some are there twice.")
        return len(spans), len(traces)

    def open_trace(self, trace_id: str) -> int:
        return len(self.ask("GET", f"/v1/projects/default/spans?trace_id={trace_id}&limit=1000")["data"])

    def newest(self, model: str) -> int:
        asked = f"limit=50&sort=start_time&span_kind=LLM&status_code=OK&attribute=llm.model_name:{model}"
        return len(self.ask("GET", f"/v1/projects/default/spans?{asked}")["data"])

    def groups(self, models: list[str]) -> int:
        parts: list[str] = []
        for number, model in enumerate(models):
            only = f"filterCondition: \"llm.model_name == '{model}'\""
            parts.append(f"n{number}: recordCount({only})")
            parts += [f"q{number}_{p}: spanLatencyMsQuantile(probability: 0.{p}, {only})" for p in ("50", "95", "99")]
        told = self._project(" ".join(parts))
        return sum(1 for number in range(len(models)) if told[f"n{number}"])

    def search(self, word: str) -> int:
        only = f"filterCondition: \"'{word}' in input.value or '{word}' in output.value\""
        asked = f"spans(first: 50, sort: {{col: startTime, dir: desc}}, {only}) {{ edges {{ node {{ "
        asked += "spanId name startTime latencyMs statusCode input { truncatedValue } output { truncatedValue } } } }"
        return len(self._project(asked)["spans"]["edges"])


class MLflow(Server):
    name = "mlflow"
    settings = "`mlflow server` with SQLite as it comes (rollback journal); workers:"
    acknowledges = "in the database"
    package = "mlflow==3.17.2"
    workers: ClassVar[int] = 1
    place: ClassVar[list[dict[str, object]]] = [
        {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    ]

    @classmethod
    def told(cls) -> str:
        return f"{cls.settings} {cls.workers}"

    @classmethod
    def install(cls, home: Path) -> str:
        environment(home, "mlflow-server", [cls.package])
        return cls.package.partition("==")[2]

    def start(self) -> subprocess.Popen[bytes]:
        folder = self.home / "mlflow-server/bin"
        command = [str(folder / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.work}/mlflow.db", "--workers", str(self.workers)]
        env = {"PATH": f"{folder}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}
        return self.launch([*command, "--artifacts-destination", str(self.work / "artifacts")], env)

    def headers(self) -> dict[str, str]:
        return {"x-mlflow-experiment-id": "0"}

    def ready(self) -> bool:
        self._http.request("GET", "/health")
        answer = self._http.getresponse()
        answer.read()
        return answer.status == 200

    def _metrics(self, metric: str, aggregations: list[dict[str, object]], **more: object) -> list[dict[str, Any]]:
        asked = {"experiment_ids": ["0"], "view_type": "SPANS", "metric_name": metric, "aggregations": aggregations}
        return self.ask("POST", "/api/3.0/mlflow/traces/metrics", {**asked, **more}).get("data_points", [])

    def counted(self) -> int:
        points = self._metrics("span_count", [{"aggregation_type": "COUNT"}])
        return int(points[0]["values"]["COUNT"]) if points else 0

    def _search(self, **asked: object) -> dict[str, Any]:
        return self.ask("POST", "/api/3.0/mlflow/traces/search", {"locations": self.place, **asked})

    def distinct(self) -> tuple[int, int]:
        """Its table of spans has the two ids for its key, so that its rows are its spans."""
        traces: set[str] = set()
        token = None
        while True:
            page = self._search(max_results=500, **({"page_token": token} if token else {}))
            traces |= {each["trace_id"] for each in page.get("traces", [])}
            token = page.get("next_page_token")
            if not token:
                return self.counted(), len(traces)

    def open_trace(self, trace_id: str) -> int:
        return len(self.ask("GET", f"/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}")["trace"]["spans"])

    def newest(self, model: str) -> int:
        """Its pattern for an attribute finds the value anywhere after the name: it has nothing stricter that works."""
        only = f"span.attributes.llm.model_name LIKE '%{model}%' AND trace.status = 'OK'"
        return len(self._search(filter=only, max_results=50, order_by=["timestamp_ms DESC"]).get("traces", []))

    def groups(self, models: list[str]) -> int:
        wanted: list[dict[str, object]] = [
            {"aggregation_type": "PERCENTILE", "percentile_value": value} for value in (50.0, 95.0, 99.0)
        ]
        named = {"dimensions": ["span_name"]}  # its durations can be grouped by nothing nearer to the model
        self._metrics("span_count", [{"aggregation_type": "COUNT"}], **named)
        return len(self._metrics("latency", wanted, **named))

    def search(self, word: str) -> int:
        only = f"trace.text LIKE '%{word}%'"
        return len(self._search(filter=only, max_results=50, order_by=["timestamp_ms DESC"]).get("traces", []))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
