"""A route as people write it: a named tree of nodes, the same in the API, the config file and the catalog.

Every node is an object whose ``node`` says what it is; plain text stands for a target. A node puts the targets below it
in an order, and the gateway asks them in that order until one begins to answer:

    target      one model (or another route of the project, whose tree then stands here)
    fallback    its children in the order written
    weights     one child drawn by weight, sticky by user or session if wished; the others behind it
    fastest     by peak EWMA of the time to the first byte, times the calls under way
    cheapest    by the price of this call: its tokens in, its expected tokens out
    least_busy  by the calls under way
    when        the first branch whose conditions hold
    semantic    the branch whose examples are nearest in meaning to what was asked
    escalate    a cheap child first, a strong one where the question looks hard or the answer is not confident
    local_only  its child, and only targets on machines of one's own: the call never leaves them
"""

from typing import Literal

from msgspec import Struct

Language = str
"""ISO 639-1, as `language.py` tells it: ``en``, ``de``, ``zh``, ..."""
Doubt = Literal["refusal", "unsure", "empty", "length", "logprob"]
DOUBTS: tuple[Doubt, ...] = ("refusal", "unsure", "empty", "length")
Ability = Literal["tools", "images", "json_schema", "thinking"]


class Target(Struct, frozen=True, kw_only=True, tag="target", tag_field="node", forbid_unknown_fields=True):
    """``model`` is a model's name, ``provider/model-id``, or another route's name. The fallbacks that a model has of
    its own do not count here: the tree says it all."""

    model: str


class Fallback(Struct, frozen=True, kw_only=True, tag="fallback", tag_field="node", forbid_unknown_fields=True):
    of: tuple["Node", ...]


class Share(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``weight`` is relative to the sum of all."""

    weight: float
    use: "Node"


class Weights(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag="weights", tag_field="node", forbid_unknown_fields=True
):
    """``sticky``: the same user (or session) always draws the same; a call that names none draws at random. ``spill``:
    whether the others stand in when the drawn one fails."""

    of: tuple[Share, ...]
    sticky: Literal["none", "user", "session"] = "none"
    spill: bool = True


class Fastest(Struct, frozen=True, kw_only=True, tag="fastest", tag_field="node", forbid_unknown_fields=True):
    of: tuple["Node", ...]


class Cheapest(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag="cheapest", tag_field="node", forbid_unknown_fields=True
):
    """``output_tokens`` is what an answer is expected to have where the call sets no bound below it. A target without a
    known price comes last: unknown is not free."""

    of: tuple["Node", ...]
    output_tokens: int = 500


class LeastBusy(Struct, frozen=True, kw_only=True, tag="least_busy", tag_field="node", forbid_unknown_fields=True):
    of: tuple["Node", ...]


class If(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"not_": "not"}, forbid_unknown_fields=True):
    """Conditions that must all hold; of a list, one member is enough. A name or value may end in ``*``.

    ``tags`` any of these tags; ``headers`` by lower-case name, ``*`` alone for "is there"; ``key`` ids of keys;
    ``longer_than`` and ``shorter_than`` in characters of the request's body; ``language`` of the last thing said;
    ``tools``, ``images`` whether the request has any; ``needs`` abilities it asks for; ``not`` turns conditions round.
    """

    tags: tuple[str, ...] = ()
    headers: dict[str, tuple[str, ...]] = {}
    user: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    feature: tuple[str, ...] = ()
    metadata: dict[str, tuple[str, ...]] = {}
    key: tuple[str, ...] = ()
    longer_than: int | None = None
    shorter_than: int | None = None
    language: tuple[Language, ...] = ()
    stream: bool | None = None
    tools: bool | None = None
    images: bool | None = None
    needs: tuple[Ability, ...] = ()
    not_: "If | None" = None


class Branch(Struct, frozen=True, kw_only=True, rename={"if_": "if"}, forbid_unknown_fields=True):
    if_: If
    use: "Node"


class When(Struct, frozen=True, kw_only=True, tag="when", tag_field="node", forbid_unknown_fields=True):
    of: tuple[Branch, ...]
    otherwise: "Node"


class Topic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``examples`` are things people ask that belong here: five to twenty do well."""

    name: str
    examples: tuple[str, ...]
    use: "Node"


class Semantic(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag="semantic", tag_field="node", forbid_unknown_fields=True
):
    """``threshold`` is the least cosine similarity to the nearest example; below it ``otherwise`` is taken. Null takes
    it from the examples, topic by topic: as near as most of them are to each other, from 0.5 to 0.65."""

    of: tuple[Topic, ...]
    otherwise: "Node"
    threshold: float | None = None


class Escalate(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag="escalate", tag_field="node", forbid_unknown_fields=True
):
    """``difficulty`` is the judge's probability above which a question goes to ``strong`` at once; null asks no judge.
    ``most_up`` is the share of judged calls of which no more go up so: of those above ``difficulty`` the hardest.
    ``doubts``: whole answers of ``cheap`` that are not good enough and are asked of ``strong`` again (streams are not:
    nothing is spliced). ``least_logprob`` is the mean log probability per token below which an answer is in doubt; it
    counts where the provider gives log probabilities."""

    cheap: "Node"
    strong: "Node"
    difficulty: float | None = 0.4
    most_up: float | None = None
    doubts: tuple[Doubt, ...] = DOUBTS
    least_logprob: float = -1.0


class LocalOnly(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag="local_only",
    tag_field="node",
    forbid_unknown_fields=True,
):
    """``trust`` names providers that are one's own although their address does not show it."""

    use: "Node"
    trust: tuple[str, ...] = ()


Node = str | Target | Fallback | Weights | Fastest | Cheapest | LeastBusy | When | Semantic | Escalate | LocalOnly


class Affinity(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Keep to the target that answered before, while it is healthy, so that the provider's cache of the prompt hits.

    ``session``: by the call's session, else its user. ``prompt``: by the start of the prompt, of requests of at least
    ``prompt_bytes`` (providers cache nothing shorter than about a thousand tokens). ``minutes`` without a call after
    which it is forgotten. Each worker remembers by itself.
    """

    session: bool = False
    prompt: bool = False
    prompt_bytes: int = 4096
    minutes: float = 10.0


class Route(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One named route of a project."""

    name: str
    tree: Node
    affinity: Affinity = Affinity()
    about: str = ""
