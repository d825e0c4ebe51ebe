"""The gateway's bench: what one call costs, side by side with what others charge for it.

Why it exists: "fast" is a claim about a machine, a moment and a definition. Here the definition is code. One run
starts a mock upstream and every peer (no proxy at all, nginx, LiteLLM, TensorZero, Trimtab), pins them alike, and
measures them in interleaved rounds, so that a busy machine is unkind to all of them.

What enters: nothing but installed packages. What leaves: one JSON file in `bench/results/`, one table on the
terminal, and, when asked, the results part of the section "Gateway" in `docs/benchmarks.md`.

`payloads`, `measures` and `pacing` use only the standard library: one of the peers is measured inside its own
environment.
"""
