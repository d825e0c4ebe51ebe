"""Decision records as rows of a table: which target was chosen or passed over, why, and what was known of it."""

from trimtab.sdk.types import DecisionLine


def known(line: DecisionLine) -> str:
    """What the strategy knew of a target."""
    if line.known is None:
        return ""
    told = line.known
    parts = [
        ("latency", told.ewma_ms, " ms"), ("under way", told.in_flight, ""), ("cost $", told.expected_cost, ""),
        ("weight", told.weight, ""), ("draw", told.draw, ""),
    ]  # fmt: skip
    return ", ".join(f"{name} {value}{unit}" for name, value, unit in parts if value is not None)


def table(lines: list[DecisionLine]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows; a column in which nothing stands is left out."""
    columns = ["MODEL", "PROVIDER", "VERDICT", "REASON", "NODE", "KNOWN", "BREAKER", "LIMIT", "BUDGET", "POLICY"]
    rows = [
        [
            line.model, line.provider, line.verdict, line.reason, line.node, known(line), line.breaker, line.limit,
            line.budget, line.policy,
        ]
        for line in lines
    ]  # fmt: skip
    shown = [at for at in range(len(columns)) if at < 4 or any(row[at] for row in rows)]
    return [columns[at] for at in shown], [[row[at] for at in shown] for row in rows]
