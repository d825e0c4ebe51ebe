"""Runs the snippets of one page, in order and in one namespace, as a reader would in one session; knows nothing of us.

Standard input: a JSON list of [heading, code]. Before each snippet a line with the mark and its heading goes out.
"""

import json
import sys

MARK = "\x1e"


def main() -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    for heading, code in json.load(sys.stdin):
        sys.stdout.write(f"{MARK}{heading}\n")
        exec(compile(code, f"<{heading}>", "exec"), namespace)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
