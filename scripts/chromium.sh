#!/bin/sh
# See that Chromium is there for the browser tests; install Debian's when we may.
set -eu
if command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Debian's Chromium for the browser tests ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >&2
  apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core >&2
  exit 0
fi
cat >&2 <<'TEXT'
The browser tests need Chromium, which is not installed, and only root may install it here. Either
  sudo apt-get install chromium
or leave them out:
  make test PYTEST_ARGS='-m "not browser"'
TEXT
exit 1
