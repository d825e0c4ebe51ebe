"""Rule packages of PyPI as they come: texts as a JSON list on standard input, a JSON object on standard output.

For each package the score in [0, 1] of each text, whether it would block, and its time.

Run by an interpreter that has clawguard-core and forcefield.
"""

import json
import sys
import time
from typing import Any


def main() -> None:
    import clawguard_core
    import forcefield

    texts: list[str] = json.load(sys.stdin)
    scanner, guard = clawguard_core.Scanner(), forcefield.Guard()
    made: dict[str, Any] = {}

    def run(name: str, look: Any) -> None:
        began = time.process_time()
        made[name] = {"found": [look(text) for text in texts]}
        made[name]["ms"] = (time.process_time() - began) * 1e3 / max(1, sum(map(len, texts))) * 4_600

    def claw(text: str) -> tuple[float, bool]:
        found = scanner.scan(text)
        return found.risk_score / 10, found.detected

    def force(text: str) -> tuple[float, bool]:
        found = guard.scan(text)
        return float(found.risk_score), bool(found.blocked)

    run(f"clawguard-core {clawguard_core.__version__}", claw)
    run(f"forcefield {forcefield.__version__}", force)
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()
