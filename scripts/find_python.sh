#!/bin/sh
# Print a Python of 3.11 or newer that can make virtual environments. Debian's own comes first: packages of the system
# are tested with it. Another one can be forced with PYTHON=...
set -eu
for candidate in ${PYTHON:-} /usr/bin/python3.11 python3.13 python3.12 python3.11 python3; do
  if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    command -v "$candidate"
    exit 0
  fi
done
echo "Trimtab needs Python 3.11 or newer with its venv module. On Debian: apt-get install python3 python3-venv" >&2
exit 1
