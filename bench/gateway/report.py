"""From samples to a table a person can check, and to the bars.

Rates are medians over rounds with their range; CPU per call is all CPU over all calls; percentiles come from the
samples of all rounds together. "Added" is a peer's percentile minus the same percentile without a proxy, in the same
run.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.gateway.measures import percentile

if TYPE_CHECKING:
    from bench.gateway.run import Measured, Results

_START, _END = "<!-- bench:gateway:start -->", "<!-- bench:gateway:end -->"
_ABSENT = "–"
_VERDICTS = {True: "met", False: "**missed**", None: "not measured"}
OURS = ("trimtab-compiled", "trimtab-all")
"""The bars are for calls on which everything acts that a call can be subject to: by a wheel with the path of a call
compiled, and by the same sources as a checkout runs them."""


@dataclass(frozen=True)
class Bar:
    """One promise: `value` against `limit`; `met` is None when it could not be measured."""

    says: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if math.isnan(self.value):
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def line(measured: Measured) -> str:
    """One measurement while the run goes on."""
    tally = measured.tally
    said = [f"  {measured.peer:12} {measured.phase:24} {tally.per_second:9.1f}/s"]
    if (cpu := tally.cpu_us("server")) is not None:
        said.append(f"{cpu:8.1f} us CPU")
    said.append(
        f"p50 {percentile(tally.latency_us, 0.5) / 1e3:.2f} p99 {percentile(tally.latency_us, 0.99) / 1e3:.2f} ms"
    )
    if tally.errors:
        said.append(
            f"ERRORS: {tally.refused} refused, {tally.wrong} wrong, {tally.broken} broken: {tally.sample[:300]!r}"
        )
    if measured.foreign_cpu > 0.1 or measured.stolen_cpu > 0.02:
        said.append(f"[strangers {measured.foreign_cpu:.2f}, stolen {measured.stolen_cpu:.2f} cores]")
    return "  ".join(said)


class Pool:
    """All rounds of one peer in one phase."""

    def __init__(self, results: Results, peer: str, phase: str) -> None:
        self._all = [m for m in results.measured if m.peer == peer and m.phase == phase]
        self._tallies = [m.tally for m in self._all]

    @property
    def errors(self) -> int:
        return sum(t.errors for t in self._tallies)

    @property
    def rate(self) -> float:
        return statistics.median([t.per_second for t in self._tallies]) if self._tallies else math.nan

    @property
    def range(self) -> tuple[float, float]:
        rates = [t.per_second for t in self._tallies] or [math.nan]
        return min(rates), max(rates)

    def cpu_us(self, group: str = "server") -> float:
        """CPU per answer, NaN where it was not measured."""
        watched = [t for t in self._tallies if group in t.cpu]
        answers = sum(t.ok + t.errors for t in watched)
        return sum(t.cpu[group] for t in watched) / answers * 1e6 if answers else math.nan

    @property
    def lowest_cpu_us(self) -> float:
        """CPU per answer of the server in the round in which it was least: the one that was disturbed least."""
        return min((us for t in self._tallies if (us := t.cpu_us("server")) is not None), default=math.nan)

    @property
    def busy(self) -> float:
        """Share of its core that the server used."""
        seconds = sum(t.seconds for t in self._tallies)
        return sum(t.cpu.get("server", math.nan) for t in self._tallies) / seconds if seconds else math.nan

    @property
    def side_us(self) -> float:
        sides = [m.side_us for m in self._all if m.side_us is not None]
        return statistics.median(sides) if sides else math.nan

    def latency_ms(self, q: float) -> float:
        return percentile([us for t in self._tallies for us in t.latency_us], q) / 1e3

    def first_ms(self, q: float) -> float:
        return percentile([us for t in self._tallies for us in t.first_us], q) / 1e3

    def late_ms(self, q: float) -> float:
        return percentile([us for t in self._tallies for us in t.late_us], q) / 1e3


def bars(results: Results, name: str) -> list[Bar]:
    """The bars of the gateway, on this run, for one of `OURS`."""
    ours = {phase.name: Pool(results, name, phase.name) for phase in results.phases}

    def ratio(says: str, phase: str) -> Bar:
        nginx = Pool(results, "nginx", phase)
        return Bar(f"{says}, against nginx's", ours[phase].cpu_us() / nginx.cpu_us(), 6, "x")

    def times(peer: str, phase: str = "calls") -> float:
        return ours[phase].rate / Pool(results, peer, phase).rate

    paced, streams = "calls at 500/s", "streams at 20/s"
    direct = Pool(results, "direct", paced).latency_ms(0.99)
    added, floor = ours[paced].latency_ms(0.99) - direct, Pool(results, "nginx", paced).latency_ms(0.99) - direct
    first = ours[streams].first_ms(0.5) - Pool(results, "direct", streams).first_ms(0.5)
    facts = results.peers.get(name, {})
    starts = facts.get("starts") or [math.nan]
    wrong = [pool.errors for each in ("trimtab", name) for pool in (Pool(results, each, p) for p in ours)]
    return [
        ratio("CPU per call", "calls"),
        ratio("CPU per 64-event stream", "streams"),
        ratio("CPU per 64-event stream written event by event", "streams, event by event"),
        Bar("calls/s, against LiteLLM's", times("litellm"), 40, "x", at_least=True),
        Bar("calls/s, against TensorZero's embedded gateway", times("tensorzero"), 2, "x", at_least=True),
        Bar("streams/s, against TensorZero's embedded gateway", times("tensorzero", "streams"), 5, "x", at_least=True),
        Bar(f"p99 added at 500 calls/s (by nginx: {_ms(floor)})", added, 2, "ms"),
        Bar("time to the first byte of a stream, added in the median", first, 1, "ms"),
        Bar("memory of the server process, at its highest", facts.get("rss_peak_mb", math.nan), 200, "MB"),
        Bar("ready, median of starts", statistics.median(starts), 2, "s"),
        Bar("answers that were not right", float(sum(wrong)) if facts.get("rss_mb") else math.nan, 0, ""),
    ]


def render_bars(results: Results) -> str:
    """The bars as a Markdown table, for each of `OURS`."""
    rows = [f"| bar | limit |{''.join(f' {name} | |' for name in OURS)}", f"|---|---|{'---|---|' * len(OURS)}"]
    for of_one in zip(*(bars(results, name) for name in OURS), strict=True):
        bar = of_one[0]
        limit = f"{'at least' if bar.at_least else 'at most'} {bar.limit:g} {bar.unit}".strip()
        cells = [f"{_number(each.value, 2)} {each.unit}".strip() + f" | {_VERDICTS[each.met]}" for each in of_one]
        rows.append(f"| {bar.says} | {limit} | {' | '.join(cells)} |")
    return "\n".join(rows)


def render(results: Results) -> str:
    """Everything else, as Markdown."""
    return "\n\n".join(
        [_preface(results), _throughput(results), _latency(results), _footprint(results), _scale(results)]
    )


def _preface(results: Results) -> str:
    m = results.machine
    foreign = [one.foreign_cpu for one in results.measured] or [math.nan]
    stolen = [one.stolen_cpu for one in results.measured] or [math.nan]
    rounds = len({one.round for one in results.measured})
    return (
        f"Measured {m['date']}, commit `{m['commit']}`, {m['cores']} cores of {m['cpu']}, Linux {m['kernel']}, "
        f"Python {m['python']}; rounds: {rounds}. Meanwhile strangers used {statistics.median(foreign):.2f} cores in "
        f"the median phase and {max(foreign):.2f} in the worst; the hypervisor took {max(stolen):.2f} cores at most."
        f"{_stalls(results)}{_yardstick(results)}"
    )


def _stalls(results: Results) -> str:
    """What no program does: the floor under all tails."""
    told = [
        f"core {each.core} {each.per_second:.1f} times a second ({each.lost_ms:.1f} ms in all, "
        f"{each.longest_ms:.1f} at most)"
        for each in results.stalls
    ]
    return f" The machine itself held {' and '.join(told)} for more than half a millisecond." if told else ""


def _yardstick(results: Results) -> str:
    """How much slower the server's core was at times than at its best: that much is in the figures of CPU."""
    took = [ms for one in results.measured for ms in one.yardstick_ms]
    if not took:
        return ""
    low, middle, high = min(took), statistics.median(took), max(took)
    return (
        f" A fixed loop, timed on the server's core before and after each phase, took {low:.1f} ms of CPU at its "
        f"fastest, {middle / low:.2f} times that in the median and {high / low:.2f} times at its slowest."
    )


def _throughput(results: Results) -> str:
    rows = [
        "| closed loop | calls/s (range) | CPU per call (lowest) | streams/s (range) | CPU | streams/s | CPU | |",
        "|---|---|---|---|---|---|---|---|",
        "| | | | 8 events a write | | event by event | | core, at calls |",
    ]
    for name in _reached(results):
        calls, streams, single = (Pool(results, name, p) for p in ("calls", "streams", "streams, event by event"))
        rows.append(
            f"| {_named(results, name)} | {_rate(calls)} | {_us(calls)} | {_rate(streams)} | {_us(streams)} "
            f"| {_number(single.rate)} | {_us(single)} | {_percent(calls.busy)} |"
        )
    return "\n".join(rows)


def _latency(results: Results) -> str:
    paced, streams = "calls at 200/s", "streams at 20/s"
    base, base_streams = Pool(results, "direct", paced), Pool(results, "direct", streams)
    rows = [
        "| open loop | added p50 | added p99 | added p99.9 | stream, first byte: added p50 | added p99 |",
        "|---|---|---|---|---|---|",
    ]
    for name in _reached(results):
        calls, opened = Pool(results, name, paced), Pool(results, name, streams)
        share = 0.0 if name == "direct" else 1.0
        cells = [_ms(calls.latency_ms(q) - share * base.latency_ms(q)) for q in (0.5, 0.99, 0.999)]
        cells += [_ms(opened.first_ms(q) - share * base_streams.first_ms(q)) for q in (0.5, 0.99)]
        label = "direct, as measured" if name == "direct" else name
        rows.append(f"| {label} | {' | '.join(cells)} |")
    late = (
        f"The generator itself was late by {_ms(base.late_ms(0.5))} in the median and {_ms(base.late_ms(0.99))} at "
        f"p99; latencies include that. {_ABSENT}: left out, because the rate is above what the peer can carry."
    )
    return "\n".join([*rows, "", late])


def _footprint(results: Results) -> str:
    rows = ["| | version | ready (median) | memory after load (peak) | CPU while idle |", "|---|---|---|---|---|"]
    for name in _reached(results):
        facts = results.peers[name]
        if name == "direct" or "rss_mb" not in facts:
            continue
        ready = _number(statistics.median(facts.get("starts") or [math.nan]), 2)
        memory = f"{facts['rss_mb']:.0f} MB ({facts['rss_peak_mb']:.0f})"
        idle = _percent(facts["idle_cpu"], 1)
        rows.append(f"| {name} | {facts.get('version', '')} | {ready} s | {memory} | {idle} |")
    side = [_side(results, name) for name in results.peers if results.peers[name].get("side_rss_mb")]
    return "\n".join([*rows, *(["", *side] if side else [])])


def _side(results: Results, name: str) -> str:
    per = [f"{_number(Pool(results, name, p.name).side_us)} us ({p.name})" for p in results.phases]
    return (
        f"Beside the path of a call, on the other core, {name}'s child processes used, until they had caught up, CPU "
        f"per call or stream of {', '.join(per)}, and {results.peers[name]['side_rss_mb']:.0f} MB."
    )


def _scale(results: Results) -> str:
    calls, streams = Pool(results, "direct", "calls"), Pool(results, "direct", "streams")
    per_call = _number(calls.cpu_us("upstream") + calls.cpu_us("load"), 1)
    per_stream = _number(streams.cpu_us("upstream") + streams.cpu_us("load"), 1)
    return (
        f"The scale itself: upstream and generator together spend {per_call} us of CPU per call and {per_stream} us "
        f"per stream on their core, so rates near {_number(calls.rate)} calls/s and {_number(streams.rate)} streams/s "
        "are theirs, not the peer's; CPU per call is the peer's own."
    )


def _reached(results: Results) -> list[str]:
    """Peers that answered at all."""
    return [name for name in results.peers if not math.isnan(Pool(results, name, "calls").rate)]


def _named(results: Results, name: str) -> str:
    errors = sum(Pool(results, name, phase.name).errors for phase in results.phases)
    return f"{name} ({errors} errors)" if errors else name


def _rate(pool: Pool) -> str:
    low, high = pool.range
    return f"{_number(pool.rate)} ({_number(low)} to {_number(high)})"


def _us(pool: Pool) -> str:
    mean, lowest = (_number(cpu, 1 if cpu < 1000 else 0) for cpu in (pool.cpu_us(), pool.lowest_cpu_us))
    return _ABSENT if math.isnan(pool.lowest_cpu_us) else f"{mean} us ({lowest})"


def _ms(value: float) -> str:
    return _ABSENT if math.isnan(value) else f"{value:.2f} ms"


def _percent(value: float, digits: int = 0) -> str:
    return _ABSENT if math.isnan(value) else f"{value * 100:.{digits}f} %"


def _number(value: float, digits: int = 0) -> str:
    return _ABSENT if math.isnan(value) else f"{value:,.{digits}f}"


def put_into(page: Path, text: str, marks: tuple[str, str] = (_START, _END)) -> None:
    """Replace what stands between a bench's two marks; the rest of the page is other people's. Raises ValueError."""
    start, end = marks
    whole = page.read_text()
    if start not in whole or end not in whole:
        raise ValueError(f"{page} has no place for the results: it needs a line `{start}` and a line `{end}`")
    before, rest = whole.split(start, 1)
    page.write_text(f"{before}{start}\n{text}\n{end}{rest.split(end, 1)[1]}")
