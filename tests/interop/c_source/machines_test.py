"""The same file for other compilers and machines, under an emulator where one is needed."""

import shutil
import subprocess

import numpy as np
import pytest

from keras_groupnet.interop.c_source.to_c import to_c
from tests.conversion.graphs import values
from tests.conversion.random_graphs import RandomGraph
from tests.interop.c_source.compiled import STRICT
from tests.runtime.op_cases import CASES

_MAIN = """
#include <stdio.h>
#include "net.c"
static float input[NET_INPUT_SIZE], output[NET_OUTPUT_SIZE];
int main(void) {
  int i;
  for (i = 0; i < NET_INPUT_SIZE; ++i) {
    if (scanf("%f", &input[i]) != 1) return 1;
  }
  net_run(input, output);
  for (i = 0; i < NET_OUTPUT_SIZE; ++i) printf("%.9g\\n", output[i]);
  return 0;
}
"""
_SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
_CORTEX_A9 = ["-mcpu=cortex-a9", "-mthumb", "--specs=rdimon.specs"]
# Compiler, its flags, and what runs the program.
MACHINES = {
    "gcc, sanitizers": ("gcc", [*STRICT, "-O1", *_SANITIZED], []),
    "gcc, this machine's instructions": ("gcc", ["-O3", "-march=native"], []),
    "clang, this machine's instructions": ("clang", [*STRICT, "-O3", "-march=native"], []),
    "arm64": ("aarch64-linux-gnu-gcc", ["-O3", "-static"], ["qemu-aarch64"]),
    "bare-metal arm": (
        "arm-none-eabi-gcc",
        ["-O2", *_CORTEX_A9],
        ["qemu-arm", "-cpu", "cortex-a9"],
    ),
}


def needs(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def rounded():
    """Products and sums in a given order, each of which is rounded; what they must give."""
    case = CASES["scale map, affine"]
    return case.model, case.inputs[0][:1], case.expected[0][:1]


def exact(seed):
    """A random graph without rounding, of one float input and output."""
    model = RandomGraph(seed)
    model.outputs = [next(t for t in reversed(model._size) if t not in model._inputs)]
    (array,) = model.arrays
    return model.content, array[:1], values(model.content, array[:1])[0]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_gives_the_same_bits(machine, tmp_path):
    compiler, flags, emulator = MACHINES[machine]
    needs(compiler, *emulator[:1])
    for content, sample, expected in (rounded(), exact(2), exact(12), exact(33)):
        to_c(content, tmp_path / "net.c")
        (tmp_path / "main.c").write_text(_MAIN)
        program = tmp_path / "main"
        command = [compiler, *flags, "-o", program, tmp_path / "main.c", "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000]
        numbers = "\n".join(f"{value:.9g}" for value in sample.ravel())
        done = subprocess.run(
            [*emulator, program], input=numbers, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr[:3000]
        found = np.array(done.stdout.split(), np.float32)
        np.testing.assert_array_equal(found, expected.ravel())


def test_a_microcontroller_compiles_it(tmp_path):
    needs("arm-none-eabi-gcc", "arm-none-eabi-size")
    net = to_c(CASES["conv everything"].model, tmp_path / "net.c")
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-O2", *STRICT, "-c", tmp_path / "net.c"]
    subprocess.run([*command, "-o", tmp_path / "net.o"], check=True)
    shown = subprocess.run(
        ["arm-none-eabi-size", tmp_path / "net.o"], capture_output=True, text=True, check=True
    )
    text, data, bss = map(int, shown.stdout.splitlines()[1].split()[:3])
    assert (data, bss) == (0, net.arena_bytes)
    assert net.constant_bytes < text < net.constant_bytes + 20_000
