#!/usr/bin/env bash
# Trains, converts and runs a small Group-Net, and prints it next to float32 and int8:  bash examples/demo.sh
# Needs Linux, Python >= 3.11 and a C++17 compiler; installs the rest into .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install -q -e ".[convert,int8]"
# TensorFlow reports its CPU and GPU setup before anything can tell it not to.
.venv/bin/groupnet demo "$@" 2> >(grep -vE '^([IWE]0000|WARNING: All log|To enable the following)' >&2)
