"""Electricity and carbon of an answer, by EcoLogits' method, always as an interval.

The method (https://ecologits.ai/latest/methodology/llm_inference/, version 0.11): an answer of ``n`` tokens is made on
servers of eight 80 GB GPUs that answer ``B = 64`` requests at a time. With ``P`` billion active parameters, a GPU takes
``a·exp(b·B)·P + c`` watt-hours per token (a regression over ML.ENERGY's measurements); a token takes ``d·P + e·B + f``
seconds; the model needs as many GPUs (a power of two) as its weights at 16 bits with a fifth more fill. The rest of the
server, its share of the hardware's making, the data centre's overhead (PUE) and the electricity mix come on top.

What vendors do not tell is guessed as a range: active parameters, PUE. So the answer is a range, and no statistical
interval: it says nothing about how wrong the method may be. It counts output only, as the method does. A model that
nobody has an estimate for gives None, as does one on the team's own machine: the method is about data centres.

Parameters below are data. Sizes of open models are their makers'; those of closed ones are EcoLogits' estimates.
"""

import math
from functools import lru_cache
from typing import Final

from msgspec import Struct

GPU_A, GPU_B, GPU_C = 1.1665273170451914e-06, -0.011205921025579175, 4.052928146734005e-05
"""Watt-hours per token and GPU: ``a·exp(b·batch)·P + c``."""
LATENCY_D, LATENCY_E, LATENCY_F = 0.0006785088094353663, 0.0003119310311688259, 0.019473717579473387
"""Seconds per token: ``d·P + e·batch + f``."""
BATCH: Final = 64
BITS: Final = 16
GPU_MEMORY_GB: Final = 80
SERVER_GPUS: Final = 8
SERVER_KW: Final = 1.2
"""Power of a server without its GPUs."""
SERVER_MAKING_KG, GPU_MAKING_KG = 5700, 273
"""CO2 equivalents of making them."""
LIFESPAN_S: Final = 3 * 365 * 24 * 3600

MIXES: Final = {"WOR": 0.45829, "USA": 0.3844, "SWE": 0.03526}
"""kg of CO2 equivalent per kWh, by EcoLogits 0.11.3 from ADEME's Base Empreinte and Our World in Data."""


class Site(Struct, frozen=True):
    """Where a vendor computes: electricity mix, and the range of its data centres' PUE."""

    mix: str
    pue: tuple[float, float]


SITES: Final = {
    "anthropic": Site("USA", (1.09, 1.14)),
    "openai": Site("USA", (1.20, 1.20)),
    "azure": Site("USA", (1.20, 1.20)),
    "gemini": Site("USA", (1.09, 1.09)),
    "cohere": Site("USA", (1.09, 1.09)),
    "mistral": Site("SWE", (1.16, 1.16)),
    "bedrock": Site("USA", (1.09, 1.14)),
}
ELSEWHERE: Final = Site("WOR", (1.09, 1.56))
"""A vendor that does not say: the world's mix, and from the best large sites to the industry's mean (Uptime, 2024)."""


class Size(Struct, frozen=True):
    """Billions of parameters: total, and active per token as a range (a mixture of experts, or a guess)."""

    total: tuple[float, float]
    active: tuple[float, float]


def _dense(low: float, high: float = 0.0) -> Size:
    both = (low, high or low)
    return Size(both, both)


def _experts(total: float, low: float, high: float = 0.0) -> Size:
    return Size((total, total), (low, high or low))


SIZES: Final[dict[str, Size]] = {
    "gpt-3.5-turbo": _dense(20, 70),
    "gpt-4": _experts(1760, 176, 528),
    "gpt-4-turbo": _experts(880, 88, 264),
    "gpt-4o": _experts(440, 44, 132),
    "gpt-4o-mini": _dense(8, 28),
    "gpt-4.1": _experts(352, 35, 106),
    "gpt-4.1-mini": _dense(40, 112),
    "gpt-4.1-nano": _dense(10, 37),
    "gpt-5": _experts(300, 30, 90),
    "gpt-5-mini": _dense(25, 70),
    "gpt-5-nano": _dense(5, 18.5),
    "gpt-5-pro": _experts(3600, 360, 1080),
    "gpt-5.1": _experts(300, 30, 90),
    "gpt-5.1-codex-mini": _dense(25, 70),
    "gpt-5.2": _experts(420, 42, 126),
    "gpt-5.2-pro": _experts(5040, 504, 1512),
    "gpt-5.4": _experts(450, 45, 150),
    "gpt-5.4-mini": _dense(56, 158),
    "gpt-5.4-nano": _dense(15, 58),
    "gpt-5.4-pro": _experts(5400, 540, 1800),
    "gpt-5.5": _experts(900, 90, 300),
    "gpt-5.5-pro": _experts(5400, 540, 1800),
    "gpt-oss-20b": _experts(20.9, 3.6),
    "gpt-oss-120b": _experts(116.8, 5.1),
    "o1": _experts(440, 44, 132),
    "o3-mini": _dense(8, 28),
    "o4-mini": _dense(8, 28),
    "claude-haiku-4-5": _dense(10, 35),
    "claude-sonnet-4-5": _experts(440, 44, 132),
    "claude-sonnet-4-6": _experts(440, 44, 132),
    "claude-sonnet-5": _experts(293, 29, 88),
    "claude-opus-4-5": _experts(670, 67, 200),
    "claude-opus-4-6": _experts(670, 67, 200),
    "claude-opus-4-7": _experts(670, 67, 200),
    "claude-opus-5": _experts(670, 67, 200),
    "gemini-2.5-flash": _experts(440, 44, 132),
    "gemini-2.5-flash-lite": _dense(8, 28),
    "gemini-2.5-pro": _experts(2000, 200, 600),
    "gemini-3-flash": _experts(300, 100, 300),
    "gemini-3-pro": _experts(1200, 120, 360),
    "gemini-3.1-pro": _experts(1200, 120, 360),
    "gemini-3.1-flash-lite": _dense(30, 105),
    "command-a": _dense(111),
    "command-r": _dense(32.3),
    "command-r-plus": _dense(104),
    "command-r7b": _dense(8.03),
    "mistral-large-2": _dense(123),
    "mistral-large-2512": _experts(675, 41),
    "mistral-large-latest": _experts(675, 41),
    "mistral-medium": _dense(70, 128),
    "mistral-small": _dense(23.6),
    "ministral-3b": _dense(3.32),
    "ministral-8b": _dense(8.02),
    "ministral-14b": _dense(14),
    "codestral": _dense(22.2),
    "mixtral-8x7b": _experts(46.7, 12.9),
    "mixtral-8x22b": _experts(140.6, 39.1),
    "deepseek-chat": _experts(671, 37),
    "deepseek-reasoner": _experts(671, 37),
    "deepseek-v3": _experts(671, 37),
    "deepseek-r1": _experts(671, 37),
    "llama-3.1-8b": _dense(8.03),
    "llama-3.1-70b": _dense(70.6),
    "llama-3.1-405b": _dense(405.9),
    "llama-3.3-70b": _dense(70.6),
    "llama-4-scout": _experts(109, 17),
    "llama-4-maverick": _experts(400, 17),
    "qwen3-8b": _dense(8.2),
    "qwen3-32b": _dense(32.8),
    "qwen3-235b-a22b": _experts(235, 22),
}
"""By the beginning of a model's id, without vendor or maker in front; the longest that fits counts, up to a mark."""

_MARKS: Final = "-:@."


class Energy(Struct, frozen=True, kw_only=True):
    """[low, high] of electricity in Wh and of carbon in g CO2 equivalent: ``use`` of it, and with the hardware's share
    ``total``."""

    wh: tuple[float, float]
    use_g: tuple[float, float]
    total_g: tuple[float, float]


@lru_cache(maxsize=1024)
def size_of(model: str) -> Size | None:
    """Of a provider's model id; None where nobody has an estimate."""
    name = model.rsplit("/", 1)[-1].lower().removeprefix("meta-")
    fits = [key for key in SIZES if name == key or (name.startswith(key) and name[len(key)] in _MARKS)]
    best = max(fits, key=len, default="")
    # A smaller or larger sibling that is not in the table ("gpt-5-nano-x" is, "gpt-4o-huge" is not) is no estimate:
    # what follows the name must be a version, not a word that changes the size.
    rest = name[len(best) :].lstrip(_MARKS)
    if not best or rest.partition("-")[0] in ("mini", "nano", "lite", "pro", "plus", "small", "large", "air", "max"):
        return None
    return SIZES[best]


def estimate(kind: str, model: str, output_tokens: int, seconds: float | None = None) -> Energy | None:
    """Of one answer. ``kind`` is the provider's kind, ``output_tokens`` hidden reasoning included; ``seconds``, if
    given, bounds the time it can have taken. None where the model is not known, or runs on the team's own machine."""
    size = None if kind == "local" else size_of(model)
    if size is None:
        return None
    site = SITES.get(kind, ELSEWHERE)
    low = answer(size.active[0], size.total[0], output_tokens, site.pue[0], MIXES[site.mix], seconds)
    high = answer(size.active[1], size.total[1], output_tokens, site.pue[1], MIXES[site.mix], seconds)
    return Energy(wh=(low[0], high[0]), use_g=(low[1], high[1]), total_g=(low[1] + low[2], high[1] + high[2]))


def answer(
    active: float, total: float, tokens: float, pue: float, mix: float, seconds: float | None = None
) -> tuple[float, float, float]:
    """The formula at one point: Wh, grams of CO2 equivalent of using it, and of its share of the hardware."""
    gpu_wh = tokens * (GPU_A * math.exp(GPU_B * BATCH) * active + GPU_C)
    taken_s = tokens * (LATENCY_D * active + LATENCY_E * BATCH + LATENCY_F)
    if seconds is not None and seconds < taken_s:
        taken_s = seconds
    gpus = 2 ** math.ceil(math.log2(math.ceil(1.2 * total * BITS / 8 / GPU_MEMORY_GB)))
    server_wh = taken_s / 3600 * SERVER_KW * 1000 * (gpus / SERVER_GPUS) / BATCH
    wh = pue * (server_wh + gpus * gpu_wh)
    making_kg = gpus / SERVER_GPUS * SERVER_MAKING_KG + gpus * GPU_MAKING_KG
    return wh, wh * mix, taken_s * making_kg * 1000 / (LIFESPAN_S * BATCH)
