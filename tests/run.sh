#!/usr/bin/env bash
# Runs every check and every test:  bash tests/run.sh
# Needs Linux, Python >= 3.11 and a C++17 compiler; installs the rest into .venv. Tests whose tools are missing on this machine say so.
set -euo pipefail
cd "$(dirname "$0")/.."

began=$SECONDS
step() { printf '\n== %s (after %d s)\n' "$1" "$((SECONDS - began))"; }
has() { command -v "$1" >/dev/null; }
run_ctest() {  # FOLDER ARGUMENTS: all output if a test fails, else the summary
  local log="$1/ctest.log"
  ctest --test-dir "$1" -j "$(nproc)" --no-tests=error --output-on-failure "${@:2}" >"$log" ||
    { cat "$log"; return 1; }
  tail -n 3 "$log"
}
results=build/results
rm -rf "$results" && mkdir -p "$results"
if has ccache; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
fi

step "Install"
[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install -q -e ".[convert,int8,jax,test]"
export PATH="$PWD/.venv/bin:$PATH" TF_CPP_MIN_LOG_LEVEL=2

step "Format and lint"
ruff check .
ruff format --check .
find tf_ops -path tf_ops/third_party -prune -o \( -name '*.cc' -o -name '*.h' \) -print | xargs -P "$(nproc)" -n 16 clang-format --dry-run -Werror
mypy

# The folder where setup.py has built the library: only the tests are left to compile. Its
# configuration is of pip's build environment, which is gone.
native=build/cmake.$(python -c 'import sysconfig; print(sysconfig.get_platform())')
step "C++ tests"
rm -f "$native/CMakeCache.txt"
cmake -S tf_ops -B "$native" -GNinja -DKGN_BUILD_TESTS=ON >/dev/null
cmake --build "$native"
run_ctest "$native" --output-junit "$PWD/$results/cpp.xml"

step "C++ tests on ARM64"
if has aarch64-linux-gnu-g++ && has qemu-aarch64; then
  # Emulation is slow. However few, the cases go through all classes of shapes with every row.
  cmake -S tf_ops -B build/aarch64 -GNinja -DKGN_BUILD_TESTS=ON -DKGN_RANDOM_CASES=112 \
    -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake >/dev/null
  cmake --build build/aarch64
  run_ctest build/aarch64 --output-junit "$PWD/$results/cpp_arm64.xml"
else
  echo "Skipped: needs g++-aarch64-linux-gnu and qemu-user."
fi

step "C++ races"
cmake -S tf_ops -B build/tsan -GNinja -DKGN_BUILD_TESTS=ON -DKGN_SANITIZE=thread >/dev/null
cmake --build build/tsan -t concurrency_test thread_pool_test
run_ctest build/tsan -R '^(concurrency_test|thread_pool_test):' \
  --output-junit "$PWD/$results/cpp_races.xml"

step "C++ tests under the address and undefined behavior sanitizers, and fuzz"
probe='extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'
if clang++ -x c++ -fsanitize=fuzzer,address -o build/probe - <<<"$probe" 2>/dev/null; then
  cmake -S tf_ops -B build/fuzz -GNinja -DKGN_BUILD_FUZZERS=ON -DKGN_BUILD_TESTS=ON \
    -DKGN_RANDOM_CASES=112 -DCMAKE_CXX_COMPILER=clang++ >/dev/null
  cmake --build build/fuzz
  run_ctest build/fuzz --output-junit "$PWD/$results/cpp_sanitizers.xml"
  pids=()
  for target in options huffman delegate; do  # at once
    mkdir -p "build/fuzz/found/$target"
    build/fuzz/fuzz_$target -max_total_time=20 -timeout=10 -malloc_limit_mb=1024 \
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
# Left out: what needs TensorFlow (conversion and what is converted first), and what never reaches a
# backend's arithmetic, so that the run above says it all (datasets, summaries, pictures, builds, the
# zoo's arguments and the structure of models; each method's small net is trained and saved below;
# the code of the documentation's pages).
# Most of the time goes into compiling: functions run a few times only.
jax_ignored=(conversion runtime bench cli datasets deployment distillation/page_test.py drawing
  expansion/applications_test.py expansion/page_test.py expansion/regions_test.py experiments fuzz
  interop/c_source interop/page_test.py interop/qonnx
  models reports training/statistics_page_test.py tuning bazel_test.py package_test.py
  packaging_test.py)
JAX_DISABLE_MOST_OPTIMIZATIONS=1 KERAS_BACKEND=jax python -m pytest -q -n auto --dist worksteal \
  --junitxml="$results/jax.xml" "${jax_ignored[@]/#/--ignore=tests/}" \
  --deselect=tests/methods/methods_test.py::test_every_model_of_every_method

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

step "Done"
python tests/count.py "$results" | tee "$results/total"
