#!/usr/bin/env bash
# Trains, converts and runs a small Group-Net, and prints it next to float32 and int8:  bash examples/demo.sh
# Needs Linux, Python >= 3.11 and a C++17 compiler; installs the rest into .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install -q -e ".[convert,int8]"
.venv/bin/groupnet demo "$@"
