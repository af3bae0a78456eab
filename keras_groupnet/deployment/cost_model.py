"""What one op of a converted file costs on a machine: milliseconds from a profile of that machine.

A profile (`groupnet profile`) has the times of each kind of op over a grid of geometries. A kernel
has a fixed overhead, does some work for each product and some for each value that it writes:

    time = overhead + positions * outputs * (end + taps * inputs / rate)

which is linear in each number of the geometry while the others stay. So between the points of a
grid the time is interpolated linearly along each axis (on the corners of the cell around the
geometry), and beyond the last point an axis goes on with its last step; the rate, and the bandwidth
at which weights and maps are read and written, thus change with the geometry as they were measured.
"""

from __future__ import annotations

import functools
import itertools
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PROFILE_FORMAT = "keras_groupnet profile"
PROFILE_VERSION = 1
_FOLDER = Path(__file__).with_name("profiles")

# The instruction sets of the delegate's kernels: name -> the flags of /proc/cpuinfo they need, the
# best first (tf_ops/core/kernels.cc).
_INSTRUCTION_SETS = {
    "avx512": (
        "avx512f",
        "avx512bw",
        "avx512vl",
        "avx512dq",
        "avx512_vpopcntdq",
        "avx512_vnni",
        "avx512vbmi",
        "avx512_bitalg",
    ),
    "avx2": ("avx2", "fma"),
    "popcnt": ("popcnt",),
}


@dataclass(frozen=True)
class _Table:
    """Times of one kind of op.

    Attributes:
        axes: name -> ascending values.
        times: microseconds, an axis each.
    """

    axes: dict[str, np.ndarray]
    times: np.ndarray

    def at(self, geometry: Mapping[str, float]) -> float:
        """Microseconds of one geometry; see the module."""
        corners, weights = [], []
        for name, values in self.axes.items():
            wanted = max(float(geometry[name]), float(values[0]))
            index = min(int(np.searchsorted(values, wanted, "right")) - 1, len(values) - 2)
            share = (wanted - values[index]) / (values[index + 1] - values[index])
            corners.append((index, index + 1))
            weights.append((1 - share, share))
        time = sum(
            float(self.times[corner]) * float(np.prod(weight))
            for corner, weight in zip(
                itertools.product(*corners), itertools.product(*weights), strict=True
            )
        )
        # Far beyond the grid the noise of small times could turn the sum negative.
        lowest = self.times[tuple(corner[0] for corner in corners)]
        return max(time, float(lowest))


class CostModel:
    """Times of ops on one machine, by their geometry.

    Args:
        profile: what a profile's JSON says, as `keras_groupnet.bench.profile.measure_profile` gives
            it.
        name: of the profile, for messages.

    Raises:
        ValueError: it is damaged, something else, or of a newer version.

    Example:
    >>> model = kgn.deployment.CostModel.load("avx2")
    >>> model.microseconds("conv", taps=9, inputs=64, outputs=64, positions=56 * 56) > 100
    True
    """

    def __init__(self, profile: Mapping[str, Any], name: str = "profile"):
        _check_header(profile, name)
        try:
            self.instruction_set = str(profile["instruction_set"])
            self.machine = {str(key): str(value) for key, value in profile["machine"].items()}
            self.invoke_microseconds = _time(profile["invoke_microseconds"])
            self._epilogues = _curves(profile["epilogues"], "values")
            self._cold_weights = _curves(profile["cold_weights"], "mebibytes")
            self._tables = {str(op): _table(entry) for op, entry in profile["ops"].items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"The profile is damaged; measure it again with `groupnet profile`. "
                f"Received: {name}: {type(error).__name__}: {error}"
            ) from error
        self.name = name

    @classmethod
    def load(cls, profile: str | Path | None = None) -> CostModel:
        """Loads a profile.

        Args:
            profile: path of a profile's `.json` file; the name of one that comes with the package,
                `"avx512"` or `"avx2"`; None for that one of these which fits this machine
                (`"avx2"` if none does).

        Raises:
            ValueError: there is no such profile, or it is damaged or of a newer version.
        """
        if profile is None:
            best = machine_set()
            return _shipped(best if best in shipped_profiles() else "avx2")
        if str(profile) in shipped_profiles():
            return _shipped(str(profile))
        if not isinstance(profile, (str, Path)) or not Path(profile).is_file():
            raise ValueError(
                "Expected the path of a profile that `groupnet profile` wrote, or one of "
                f"{', '.join(map(repr, shipped_profiles()))}. Received: profile={profile!r}"
            )
        path = Path(profile)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ValueError(
                "Expected a profile that `groupnet profile` wrote. "
                f"Received: profile={str(profile)!r}, which cannot be read as JSON: {error}"
            ) from error
        return cls(content, str(profile))

    def __repr__(self) -> str:
        """Says which profile it is."""
        return f"CostModel({self.name!r}, {self.machine.get('cpu', 'unknown CPU')})"

    @property
    def ops(self) -> dict[str, tuple[str, ...]]:
        """The kinds of ops that it knows -> the numbers that make up their geometry."""
        return {op: tuple(table.axes) for op, table in self._tables.items()}

    def microseconds(self, op: str, **geometry: float) -> float:
        """The time of one op.

        Args:
            op: one of `ops`.
            **geometry: its numbers, for one sample.

        Raises:
            ValueError: no such op, or other numbers.
        """
        if op not in self._tables:
            raise ValueError(f"Expected one of {', '.join(self._tables)}. Received: op={op!r}")
        table = self._tables[op]
        if set(geometry) != set(table.axes):
            raise ValueError(
                f"Expected {', '.join(table.axes)} for {op!r}. "
                f"Received: {', '.join(geometry) or 'nothing'}"
            )
        return table.at(geometry)

    def epilogue_microseconds(self, kind: str, values: float) -> float:
        """What the end of a binary convolution takes longer than writing floats.

        Args:
            kind: `"addend"`, `"pixel_scale"`, `"pack_BITS"` (packed values beside the floats) or
                `"only_packed_BITS"`.
            values: that it writes.

        Raises:
            ValueError: no such kind.
        """
        if kind not in self._epilogues:
            raise ValueError(
                f"Expected one of {', '.join(self._epilogues)}. Received: kind={kind!r}"
            )
        return float(np.interp(values, *self._epilogues[kind])) * values / 1e3

    def cold_weights_microseconds(self, bits: int, size: float, all_sizes: float) -> float:
        """What it takes longer to read the weights of one of our ops if the caches lost them.

        Between two runs of a layer the weights of all other layers pass through the caches.

        Args:
            bits: of the activations.
            size: bytes of the op's packed weights.
            all_sizes: of the weights of the whole file.

        Raises:
            ValueError: other bits.
        """
        if str(bits) not in self._cold_weights:
            raise ValueError(
                f"Expected one of {', '.join(self._cold_weights)}. Received: bits={bits!r}"
            )
        return float(np.interp(all_sizes / 2**20, *self._cold_weights[str(bits)])) * size / 1e3


def shipped_profiles() -> list[str]:
    """The names of the profiles that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def machine_set() -> str:
    """The best instruction set of the delegate's kernels that this machine has."""
    if platform.machine() in ("aarch64", "arm64"):
        return "neon"
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    for name, needed in _INSTRUCTION_SETS.items():
        if flags.issuperset(needed):
            return name
    return "scalar"


@functools.cache
def _shipped(name: str) -> CostModel:
    content = (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return CostModel(json.loads(content), name)


def _check_header(profile: Any, name: str) -> None:
    if not isinstance(profile, Mapping) or profile.get("format") != PROFILE_FORMAT:
        raise ValueError(
            "Expected a profile that `groupnet profile` wrote, with "
            f"format={PROFILE_FORMAT!r}. Received: {name}, which has none"
        )
    version = profile.get("version")
    if not isinstance(version, int) or version < 1:
        raise ValueError(
            f"Expected a profile of version 1 to {PROFILE_VERSION}. "
            f"Received: {name} of version {version!r}"
        )
    if version > PROFILE_VERSION:
        raise ValueError(
            f"Expected a profile of version {PROFILE_VERSION} at most. A newer keras_groupnet "
            "wrote this one: update the package, or measure again with `groupnet profile`. "
            f"Received: {name} of version {version}"
        )


def _table(entry: Mapping[str, Any]) -> _Table:
    axes = {str(name): np.asarray(values, float) for name, values in entry["axes"].items()}
    for name, values in axes.items():
        if values.ndim != 1 or len(values) < 2 or not (np.diff(values) > 0).all():
            raise ValueError(f"the axis {name!r} is not two or more ascending numbers")
    times = np.array([_time(one) for one in entry["microseconds"]])
    return _Table(axes, times.reshape([len(values) for values in axes.values()]))


def _curves(entry: Mapping[str, Any], axis: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Several functions of one number."""
    points = np.asarray(entry[axis], float)
    curves = {
        str(name): (points, np.asarray(values, float))
        for name, values in entry["nanoseconds"].items()
    }
    for name, (_, values) in curves.items():
        if values.shape != points.shape or not np.isfinite(values).all():
            raise ValueError(f"{name!r} has not one number for each of {axis!r}")
    return curves


def _time(value: Any) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{value!r} is no time")
    return number
