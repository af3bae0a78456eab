"""Bazel's BUILD says to the compiler and the linker what CMake says."""

import json
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Of `bazel build -c opt` itself, or of one build system's own folders.
IMPLIED = ("-DNDEBUG", "-fPIC", "-I", "-o", "-c", "--param")


def _glob(patterns, exclude=()):
    found = {str(p.relative_to(ROOT)) for pattern in patterns for p in ROOT.glob(pattern)}
    return sorted(found - set(_glob(exclude) if exclude else ()))


@pytest.fixture(scope="module")
def bazel():
    """The rules of BUILD by name. Its language is a part of Python."""
    rules = {}
    cpu = "aarch64" if platform.machine() == "aarch64" else "x86_64"

    def rule(**options):
        rules[options["name"]] = options

    names = dict.fromkeys(("cc_library", "cc_binary", "cc_test"), rule)
    names |= {"glob": _glob, "select": lambda choices: choices[f"@platforms//cpu:{cpu}"]}
    exec((ROOT / "BUILD").read_text(), names)
    return rules


@pytest.fixture(scope="module")
def cmake_folder(tmp_path_factory):
    if not (shutil.which("cmake") and shutil.which("ninja")):
        pytest.skip("needs cmake and ninja on the path")
    folder = tmp_path_factory.mktemp("cmake")
    subprocess.run(
        ["cmake", "-S", ROOT / "tf_ops", "-B", folder, "-GNinja"]
        + ["-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DCMAKE_BUILD_TYPE=Release"],
        check=True,
        capture_output=True,
        text=True,
    )
    return folder


def _flags(words):
    return {word for word in words if word.startswith("-") and not word.startswith(IMPLIED)}


def test_every_source_is_compiled_with_the_same_flags(bazel, cmake_folder):
    commands = json.loads((cmake_folder / "compile_commands.json").read_text())
    by_cmake = {
        str(Path(entry["file"]).relative_to(ROOT)): _flags(entry["command"].split())
        for entry in commands
    }
    libraries = ["tf_ops", *(name.lstrip(":") for name in bazel["tf_ops"]["deps"])]
    by_bazel = {
        source: _flags(bazel[name]["copts"])
        for name in libraries
        for source in bazel[name].get("srcs", ())
    }
    assert by_bazel == by_cmake


def test_the_library_is_linked_with_the_same_flags(bazel, cmake_folder):
    commands = subprocess.run(
        ["ninja", "-C", cmake_folder, "-t", "commands", "keras_groupnet"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    linked = commands.splitlines()[-1].split()
    for flag in bazel["libkeras_groupnet.so"]["linkopts"]:
        name, _, script = flag.partition("$(location ")
        assert any(word.startswith(name) and word.endswith(script.rstrip(")")) for word in linked)
