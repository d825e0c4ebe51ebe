"""Tokens counted without the provider's tokenizer. Always labelled as an estimate, never mixed with reported counts."""

BYTES_PER_TOKEN = 4.0
"""OpenAI's own rule of thumb for English: https://help.openai.com/en/articles/4936856. Scripts that need several UTF-8
bytes per character need more tokens per character as well, which is why bytes are counted and not characters."""


def estimate_tokens(text: str) -> int:
    """About how many tokens ``text`` is; 0 only for no text."""
    return round(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN + 0.5) if text else 0


INLINE_BYTES = 65_536
"""Of a larger body with content in base64 (images, files) only so much counts as text: pictures are few tokens."""


def estimate_size(body: bytes) -> int:
    """About how many tokens a request's body asks for, by its size alone: what is cheap enough to do for each call."""
    size = len(body)
    if size > INLINE_BYTES and b"base64" in body:
        size = INLINE_BYTES
    return size >> 2
