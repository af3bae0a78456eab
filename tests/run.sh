#!/usr/bin/env bash
# Runs every check and every test:  bash tests/run.sh
# Needs Linux, Python >= 3.11 and a C++17 compiler; installs the rest into .venv. Tests whose tools are missing on this machine say so.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (after %d s)\n' "$1" "$SECONDS"; }
results=build/results
rm -rf "$results" && mkdir -p "$results"

step "Install"
[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install -q -e ".[convert,int8,jax,test]"
export PATH="$PWD/.venv/bin:$PATH" TF_CPP_MIN_LOG_LEVEL=2

step "Format and lint"
ruff check .
ruff format --check .
find tf_ops -name '*.cc' -o -name '*.h' | xargs clang-format --dry-run -Werror
mypy

step "C++ tests"
cmake -S tf_ops -B build/native -GNinja -DKGN_BUILD_TESTS=ON >/dev/null
cmake --build build/native
ctest --test-dir build/native --output-on-failure --output-junit "$PWD/$results/cpp.xml"

step "C++ tests on ARM64"
if command -v aarch64-linux-gnu-g++ qemu-aarch64 >/dev/null; then
  cmake -S tf_ops -B build/aarch64 -GNinja -DKGN_BUILD_TESTS=ON \
    -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake >/dev/null
  cmake --build build/aarch64
  ctest --test-dir build/aarch64 --output-on-failure --output-junit "$PWD/$results/cpp_arm64.xml"
else
  echo "Skipped: needs g++-aarch64-linux-gnu and qemu-user."
fi

step "C++ races"
cmake -S tf_ops -B build/tsan -GNinja -DKGN_BUILD_TESTS=ON -DKGN_SANITIZE=thread >/dev/null
cmake --build build/tsan -t concurrency_test thread_pool_test
ctest --test-dir build/tsan -R '^(concurrency_test|thread_pool_test)$' --output-on-failure

step "Fuzz"
probe='extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'
if clang++ -x c++ -fsanitize=fuzzer,address -o build/probe - <<<"$probe" 2>/dev/null; then
  cmake -S tf_ops -B build/fuzz -GNinja -DKGN_BUILD_FUZZERS=ON -DCMAKE_CXX_COMPILER=clang++ \
    >/dev/null
  cmake --build build/fuzz -t fuzz_options fuzz_huffman fuzz_delegate
  pids=()
  for target in options huffman delegate; do  # at once
    mkdir -p "build/fuzz/found/$target"
    build/fuzz/fuzz_$target -max_total_time=30 -timeout=10 -malloc_limit_mb=1024 \
      -artifact_prefix="build/fuzz/found/" "build/fuzz/found/$target" \
      "tf_ops/fuzz/corpus/$target" >"build/fuzz/$target.log" 2>&1 &
    pids+=("$target:$!")
  done
  lines=1 status=0
  for pair in "${pids[@]}"; do
    wait "${pair#*:}" || lines=60 status=1
    tail -n $lines "build/fuzz/${pair%:*}.log"
  done
  [ $status = 0 ]
else
  echo "Skipped: needs clang with libFuzzer (clang, libclang-rt-dev)."
fi

step "Python tests, TensorFlow backend"
KERAS_BACKEND=tensorflow python -m pytest -q -n auto --dist worksteal \
  --junitxml="$results/tensorflow.xml"

step "Python tests, JAX backend"
# Conversion needs TensorFlow. Most of the time goes into compiling: functions run a few times only.
JAX_DISABLE_MOST_OPTIMIZATIONS=1 KERAS_BACKEND=jax python -m pytest -q -n auto --dist worksteal \
  --junitxml="$results/jax.xml" \
  --ignore=tests/conversion --ignore=tests/runtime --ignore=tests/bench --ignore=tests/cli --ignore=tests/fuzz --ignore=tests/packaging_test.py

step "Python tests in tflite-runtime 2.14"
if python -c 'import sys; sys.exit(sys.version_info[:2] > (3, 11))'; then
  # An environment of its own, without Keras: this runtime needs numpy 1.x.
  runtime=build/tflite_runtime
  [ -x "$runtime/bin/python" ] || python -m venv "$runtime"
  "$runtime/bin/python" -m pip install -q tflite-runtime==2.14.0 'numpy<2' pytest
  "$runtime/bin/python" -m pytest -q --noconftest --junitxml="$results/tflite_runtime.xml" \
    tests/runtime/stock
else
  echo "Skipped: tflite-runtime 2.14 has wheels up to Python 3.11."
fi

python tests/count.py "$results" | tee "$results/total"
