"""What it costs to say which release answers a call, in microseconds of one core: `python bench/releases/resolve.py`.

Each figure is CPU time, the best of nine rounds of 50,000 calls, each of another user. ``with its facts`` builds what
the assignment goes by from the call's, as the path of a call does; the bar is 20 us. ``laid over`` is all that an app
costs a call beside that: a body of 650 bytes read, the prompt's messages and two parameters put in, and written.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from trimtab.gateway.apps.overlay import Overlay, read_fields
from trimtab.gateway.apps.prompt import Prompt
from trimtab.llm.dialects import DIALECTS
from trimtab.prompts.types import Bundle, Content, Message, Source, Variable
from trimtab.releases.resolve import Lane, Who, resolve
from trimtab.releases.types import Segment

ROUNDS, TURNS = 9, 50_000
BAR_US = 20.0
USERS = [f"user-{number:06d}" for number in range(TURNS)]
TAGS, METADATA = ("eu", "internal"), {"plan": "pro", "country": "at"}
LANES = {
    "no rollout": Lane(stable=1),
    "canary": Lane(stable=1, candidate=2, rollout="ro_0198d6f0c0ffee", kind="canary", share=0.25),
    "shadow": Lane(stable=1, candidate=2, rollout="ro_0198d6f0c0ffee", kind="shadow", share=0.25),
    "segment of 1,000 users and a tag": Lane(
        stable=1, candidate=2, rollout="ro_0198d6f0c0ffee", kind="segments",
        segment=Segment(user=(*[f"user-{n:06d}" for n in range(999)], "user-*"), tags=("internal",)),
    ),
}  # fmt: skip


def cost_us(work: Callable[[str], object], turns: int = TURNS) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for user in USERS[:turns]:
            work(user)
        best = min(best, time.process_time() - began)
    return best / turns * 1e6


def assigning(lane: Lane) -> Callable[[str], object]:
    return lambda user: resolve(lane, Who("req_1", user, "", "key_1", TAGS, METADATA))


def laying(front: str) -> dict[str, Callable[[str], object]]:
    """The steps of `gateway.releasing` that follow the assignment."""
    system = Message(role="system", text="You answer for {{ shop }}. Be kind to {{ customer }}. " + "Policy. " * 60)
    variables = {"shop": Variable(default="ACME"), "customer": Variable(default="you")}
    source = Source(name="support", version=3, hash="h", content=Content(messages=(system,), variables=variables))
    prompt = Prompt(Bundle(prompt=source), {}, {})
    overlay = Overlay("The release r1", {"temperature": 0.2, "max_tokens": 300}, (), None)
    dialect = DIALECTS.get(front)
    field = {"openai_chat": "messages", "anthropic_messages": "messages"}[front]
    call: dict[str, Any] = {"model": "support", field: [{"role": "user", "content": "x" * 560}], "max_tokens": 100}
    body = msgspec.json.encode(call)

    def constant(_: str) -> object:
        return overlay.lay(dialect, read_fields(body), prompt.at_once({}, 0))

    def rendered(user: str) -> object:
        said = prompt.at_once({"customer": user}, 20)
        assert said is not None
        return overlay.lay(dialect, read_fields(body), said)

    return {f"{front}, constant prompt": constant, f"{front}, rendered for each call": rendered}


def main() -> None:
    print("assigned, with its facts")
    worst = 0.0
    for name, lane in LANES.items():
        found = cost_us(assigning(lane))
        worst = max(worst, found)
        print(f"  {name:32} {found:6.2f} us")
    print("laid over the client's body")
    for front in ("openai_chat", "anthropic_messages"):
        for name, work in laying(front).items():
            print(f"  {name:46} {cost_us(work, 5_000):6.1f} us")
    print(f"bar: assignment under {BAR_US:g} us: {'met' if worst < BAR_US else 'MISSED'}")


if __name__ == "__main__":
    main()
