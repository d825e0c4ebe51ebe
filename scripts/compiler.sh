#!/bin/sh
# See that a C compiler and Python's headers are there for the compiled wheel; install Debian's when we may.
set -eu
python="$(dirname "$0")/../.venv/bin/python"
has() {
  command -v "${CC:-cc}" >/dev/null 2>&1 &&
    "$python" -c 'import pathlib, sys, sysconfig; sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file())'
}
if has; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Debian's C compiler and Python's headers for the compiled wheel ..." >&2
  export DEBIAN_FRONTEND=noninteractive
  quick="-o Acquire::Retries=0 -o Acquire::http::Timeout=20"
  # shellcheck disable=SC2086
  if apt-get $quick update -q >&2 &&
    apt-get $quick install -q -y --no-remove --no-install-recommends gcc libc6-dev libpython3-dev >&2 && has; then
    exit 0
  fi
fi
cat >&2 <<'TEXT'
A compiled wheel needs a C compiler and Python's headers, which are not installed, and only root may install them here:
  sudo apt-get install gcc libc6-dev libpython3-dev
TEXT
exit 1
