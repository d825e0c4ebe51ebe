"""``python -m trimtab.llm.simulated --port 0``: serve the simulated providers and print where."""

import argparse
import asyncio
import socket
import sys

from trimtab.llm.simulated.app import SimulatedProviders
from trimtab.llm.simulated.scenario import FAULTS, Scenario, read_wishes


def main(arguments: list[str] | None = None) -> int:
    """Prints ``http://HOST:PORT`` once it listens, then serves until it is interrupted. 2 if uvicorn is missing."""
    options = _options(arguments)
    try:
        import uvicorn
    except ImportError:
        sys.stderr.write("The simulated providers need uvicorn: pip install 'trimtab[server]'.\n")
        return 2
    app = SimulatedProviders(options.scenario, options.api_key)
    # Named as TCP, or asyncio leaves Nagle's delay on and every answer in two writes takes 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((options.host, options.port))
    listening.listen(1024)
    host, port = listening.getsockname()[:2]
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    asyncio.run(server.serve(sockets=[listening]))
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    faults = "; ".join(f"{name}: {what}" for name, what in FAULTS.items())
    parser = argparse.ArgumentParser(prog="python -m trimtab.llm.simulated", description=__doc__, epilog=faults)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free one")
    parser.add_argument("--api-key", help="refuse calls that do not present this key")
    parser.add_argument(
        "--scenario", type=lambda wishes: read_wishes(wishes, Scenario()), default=Scenario(), help="e.g. 'fault=500'"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
