"""Builds the C++ delegate with CMake and packs it as data of the `keras_groupnet` wheel.

The library is opened by `load_delegate`, never imported, so it depends on no Python version: one
`py3-none-<platform>` wheel serves all of them. The rest about the package is in pyproject.toml.
"""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()
# One for wheels, editable installs and tests/run.sh, so that the library is compiled once.
BUILD = ROOT / "build" / f"cmake.{sysconfig.get_platform()}"


def forget_configuration():
    """Removes what CMake remembers of earlier runs, but not what they compiled.

    CMake would go on using the programs that it once found, and those of an isolated build
    environment are gone by now.
    """
    (BUILD / "CMakeCache.txt").unlink(missing_ok=True)
    for folder in (BUILD / "CMakeFiles").glob("[0-9]*"):  # named after versions of CMake
        shutil.rmtree(folder)


class BuildDelegate(build_ext):
    """Runs CMake in place of the Python extension compiler.

    Being a `build_ext`, it inherits where the result belongs: the wheel's tree, or the source tree
    of an editable install.
    """

    def get_ext_filename(self, fullname):
        """`keras_groupnet.runtime.libkeras_groupnet` -> its path, without Python's ABI suffix."""
        return os.path.join(*fullname.split(".")) + ".so"

    def build_extension(self, ext):
        """Configures and builds `tf_ops/`, and leaves the library where setuptools expects it."""
        target = Path(self.get_ext_fullpath(ext.name)).resolve()
        forget_configuration()
        subprocess.run(
            ["cmake", "-S", ROOT / "tf_ops", "-B", BUILD, "-GNinja", "-DCMAKE_BUILD_TYPE=Release"],
            check=True,
        )
        subprocess.run(["cmake", "--build", BUILD, "--target", "keras_groupnet"], check=True)
        subprocess.run(
            ["cmake", "--install", BUILD, "--component", "delegate", "--prefix", target.parent],
            check=True,
        )


class PlatformWheel(bdist_wheel):
    """Tags the wheel for the platform, but for every Python 3."""

    def get_tag(self):
        """Returns `("py3", "none", platform)`."""
        return "py3", "none", super().get_tag()[2]


setup(
    ext_modules=[Extension("keras_groupnet.runtime.libkeras_groupnet", sources=[])],
    cmdclass={"build_ext": BuildDelegate, "bdist_wheel": PlatformWheel},
)
