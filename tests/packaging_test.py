"""The wheel: its tag and what is in it."""

import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if int(metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("needs the build requirements in the environment (extra `test`)")
    folder = tmp_path_factory.mktemp("wheel")
    # CMake and Ninja come from PyPI, next to the interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
        + ["-q", "-w", folder, ROOT],
        check=True,
        env=os.environ | {"PATH": path},
    )
    (path,) = folder.iterdir()
    return path


def test_one_wheel_for_every_python(wheel):
    assert "-py3-none-linux_" in wheel.name


def test_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "keras_groupnet/runtime/libkeras_groupnet.so" in names
    assert "keras_groupnet/py.typed" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"keras_groupnet"}


def test_every_module_is_packed(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "keras_groupnet").rglob("*.py")}
    assert modules <= names
