"""What scorers may reach where there is no server: the local embedder, if it is installed, and no model."""

from collections.abc import Sequence
from typing import Any

from trimtab.scoring.types import Tools


def local_tools() -> Tools:
    """Make it once for many answers: the embedder is loaded (some 0.5 s) when the first scorer asks for it."""
    from trimtab.llm.embedder import Embedder, missing

    if missing():
        return Tools()
    embedder = Embedder()

    async def embed(texts: Sequence[str], /) -> Any:
        import numpy

        return numpy.stack(await embedder.embed(texts)) if texts else numpy.zeros((0, 0), dtype=numpy.float32)

    return Tools(embed=embed)
