#!/bin/sh
# See that a browser is there for the browser tests; install Debian's when we may. Its headless shell takes little more
# than half of what the whole Chromium takes, which has windows and menus that nobody sees; where only that is there,
# it does as well.
set -eu
has() { command -v "$1" >/dev/null 2>&1; }
if has chromium-headless-shell; then exit 0; fi
tried="$(dirname "$0")/../.venv/.stamps/no-headless-shell"
if has chromium && [ -e "$tried" ]; then exit 0; fi # asked before: packages that are not there take long to look for
if [ "$(id -u)" = 0 ] && has apt-get; then
  echo "Installing Debian's Chromium (its headless shell) for the browser tests ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  quick="-o Acquire::Retries=0 -o Acquire::http::Timeout=20"
  # shellcheck disable=SC2086
  if apt-get $quick update -q >&2 &&
    apt-get $quick install -q -y --no-remove --no-install-recommends chromium-headless-shell fonts-dejavu-core >&2; then
    exit 0
  fi
fi
if has chromium; then
  mkdir -p "$(dirname "$tried")" && touch "$tried"
  exit 0
fi
cat >&2 <<'TEXT'
The browser tests need Chromium, which is not installed, and only root may install it here. Either
  sudo apt-get install chromium-headless-shell
or leave them out:
  make test PYTEST_ARGS='-m "not browser"'
TEXT
exit 1
