"""The wheel: its tag, what is in it, and that it can be built again and again."""

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# CMake and Ninja come from PyPI, next to the interpreter.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def build_wheel(folder, path=PATH):
    """Builds the wheel from the source tree with the programs on `path`."""
    if int(metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("needs the build requirements in the environment (extra `test`)")
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / "packaging_test.lock", "w") as lock:  # tests run in processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
            + ["-q", "-w", folder, ROOT],
            check=True,
            env=os.environ | {"PATH": path},
        )
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_one_wheel_for_every_python(wheel):
    assert "-py3-none-linux_" in wheel.name


def test_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "keras_groupnet/runtime/libkeras_groupnet.so" in names
    assert "keras_groupnet/py.typed" in names
    assert "keras_groupnet/deployment/profiles/avx2.json" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"keras_groupnet"}


def test_every_module_is_packed(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "keras_groupnet").rglob("*.py")}
    assert modules <= names


def test_the_programs_of_an_earlier_build_may_be_gone(tmp_path):
    # As two isolated builds from one source tree: each has a CMake and a Ninja of its own.
    for build in ("first", "second"):
        programs = tmp_path / build
        programs.mkdir()
        for name in ("cmake", "ninja"):
            (programs / name).symlink_to(shutil.which(name, path=PATH))
        (tmp_path / f"{build}_wheel").mkdir()
        build_wheel(tmp_path / f"{build}_wheel", f"{programs}{os.pathsep}{PATH}")
        shutil.rmtree(programs)
