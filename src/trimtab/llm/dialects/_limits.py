"""How much of something a vendor or its model takes in a call of another dialect.

A bound on the answer that is more than its model can write asks for no more than all that it can, but most vendors
refuse it: "max_tokens is too large: 50000. This model supports at most 32768 completion tokens" (OpenAI,
https://github.com/opencode-ai/opencode/issues/140), "max_tokens: 128000 > 64000" (Anthropic,
https://github.com/coolcline/CoolCline/issues/23), "exceeds the model limit" (Bedrock,
https://github.com/langgenius/dify/issues/10390 and, of Nova's 10,000,
https://github.com/aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws/issues/175), "the
supported range is from 1 (inclusive) to 65536 (exclusive)" (Google, https://github.com/BerriAI/litellm/pull/10548). So
it is lowered to what the model has, where its name says which it is (not Gemini 4 and later, which write on in
further calls, https://ai.google.dev/gemini-api/docs/latest-model): https://platform.openai.com/docs/models,
https://platform.claude.com/docs/en/models/opus-4-6/overview (and of the others),
https://ai.google.dev/gemini-api/docs/models. Cohere lowers it itself
(https://github.com/cohere-ai/cohere-developer-experience/pull/600). What more of stops or tools would mean, nobody can
say with fewer: such a call is refused, and a route goes on to its next target.
"""

import re
from functools import lru_cache

from msgspec.structs import replace

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects._claude import version_of
from trimtab.llm.types import Request

_MOST: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(rf"(?:^(?:ft:)?|[/.])(?:{pattern})"), most)
    for pattern, most in (
        (r"o1-preview", 32_768),
        (r"o1-mini", 65_536),
        (r"o[134](?:-|$)", 100_000),
        (r"gpt-5[^/]*-chat", 16_384),
        (r"gpt-5[^/]*-pro", 272_000),
        (r"gpt-5|gpt-6[^/]*-(?:astra|sol|terra|luna)", 128_000),
        (r"gpt-4\.1", 32_768),
        (r"gpt-4o-2024-05-13", 4096),
        (r"gpt-4o-64k", 65_536),
        (r"(?:chat)?gpt-4(?:o|\.5)", 16_384),
        (r"gpt-4-(?:turbo|1106|0125|vision)", 4096),
        (r"gpt-3\.5-turbo(?!-16k)", 4096),
        (r"amazon\.nova-(?:micro|lite|pro)-v1", 10_000),
        (r"gemini-(?:1\.|2\.0-(?!flash-thinking))", 8192),
        (r"gemini-(?:2\.5|3(?!\d))(?!.*(?:image|tts|live|audio))", 65_535),
    )
)
_CLAUDES: tuple[tuple[tuple[int, int], int], ...] = (
    ((3, 5), 4096),
    ((3, 7), 8192),
    ((4, 0), 64_000),
    ((4, 6), 64_000),
    ((6, 0), 128_000),
)
"""Up to which version, and not with it; of later ones nobody knows."""
_IS_CLAUDE = re.compile(r"(?:^|[/.]|databricks-)claude-")
"""Its own name: others are called after one, by whom they were taught."""
_EARLY_OPUS = 32_000


@lru_cache(1024)
def most_output(model: str) -> int | None:
    """The most tokens of one answer; None where the model's name does not say."""
    version = version_of(model) if _IS_CLAUDE.search(model) else None
    if version is not None:
        if "opus" in model and (4, 0) <= version < (4, 5):
            return _EARLY_OPUS
        return next((most for before, most in _CLAUDES if version < before), None)
    return next((most for pattern, most in _MOST if pattern.search(model)), None)


def within(request: Request, model: str) -> Request:
    """The call with a bound on its answer that the model takes."""
    most = most_output(model)
    if most is None or request.max_tokens is None or request.max_tokens <= most:
        return request
    return replace(request, max_tokens=most)


def check_bound(request: Request) -> None:
    """Raises `Unsupported` where no answer is wanted."""
    if request.max_tokens == 0:
        raise Unsupported(
            "`max_tokens` 0 only fills a prompt cache; this provider has no such call.", param="max_tokens"
        )


def check_stops(request: Request, most: int) -> None:
    if len(request.stop) > most:
        raise Unsupported(
            f"{len(request.stop)} stop sequences cannot be translated: this provider takes at most {most}.",
            fix="Give fewer, or call a model of another provider.",
            param="stop",
        )


def check_blank_stops(request: Request) -> None:
    """Of Anthropic's models, at whichever vendor serves them: https://github.com/BerriAI/litellm/issues/3286"""
    if any(not stop.strip() for stop in request.stop):
        raise Unsupported(
            "A stop sequence of white space alone cannot be translated: this provider refuses it.",
            fix="Leave it out, or call a model of another provider.",
            param="stop",
        )


def check_tools(request: Request, most: int) -> None:
    if len(request.tools) > most:
        raise Unsupported(
            f"{len(request.tools)} tools cannot be translated: this provider takes at most {most}.",
            fix="Offer fewer (leave servers of MCP out that this call has no need of), or call a model of another "
            "provider.",
            param="tools",
        )
