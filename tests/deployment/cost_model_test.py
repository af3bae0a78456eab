"""Profiles are checked when they are loaded; between their points times are interpolated."""

import itertools
import json

import pytest

import keras_groupnet as kgn
from keras_groupnet.deployment import CostModel
from keras_groupnet.deployment.cost_model import machine_set, shipped_profiles


def profile(**changes):
    """A machine whose time is known everywhere: 2 + positions * outputs * (0.1 + 0.01 * inputs)."""
    axes = {"inputs": [1, 10, 100], "outputs": [1, 8], "positions": [1, 4, 100]}
    times = [time(*point) for point in itertools.product(*axes.values())]
    return {
        "format": "keras_groupnet profile",
        "version": 1,
        "instruction_set": "avx2",
        "machine": {"cpu": "a test"},
        "invoke_microseconds": 1.5,
        "epilogues": {"values": [10, 100], "nanoseconds": {"addend": [1.0, 2.0]}},
        "cold_weights": {"mebibytes": [1, 3], "nanoseconds": {"1": [0.0, 4.0]}},
        "ops": {"conv": {"axes": axes, "microseconds": times}},
    } | changes


def time(inputs, outputs, positions):
    return 2 + positions * outputs * (0.1 + 0.01 * inputs)


@pytest.mark.parametrize(
    ("inputs", "outputs", "positions"),
    [(1, 1, 1), (10, 8, 4), (5, 3, 2), (99, 7, 50), (200, 16, 4), (1000, 64, 1000)],
)
def test_times_on_between_and_beyond_the_points(inputs, outputs, positions):
    given = CostModel(profile()).microseconds(
        "conv", inputs=inputs, outputs=outputs, positions=positions
    )
    assert given == pytest.approx(time(inputs, outputs, positions))


def test_nothing_is_faster_than_the_smallest_point():
    model = CostModel(profile())
    given = model.microseconds("conv", inputs=0.5, outputs=1, positions=1)
    assert given == pytest.approx(time(1, 1, 1))


def test_epilogues_and_cold_weights():
    model = CostModel(profile())
    assert model.epilogue_microseconds("addend", 100) == pytest.approx(0.2)
    assert model.epilogue_microseconds("addend", 1000) == pytest.approx(2.0)
    assert model.epilogue_microseconds("addend", 5) == pytest.approx(0.005)
    assert model.cold_weights_microseconds(1, 1000, 2 << 20) == pytest.approx(2.0)
    assert model.cold_weights_microseconds(1, 1000, 100) == 0


def test_wrong_questions():
    model = CostModel(profile())
    with pytest.raises(ValueError, match="Expected one of conv. Received: op='conf'"):
        model.microseconds("conf")
    with pytest.raises(ValueError, match="Expected inputs, outputs, positions for 'conv'"):
        model.microseconds("conv", inputs=1, outputs=1)
    with pytest.raises(ValueError, match="kind='addends'"):
        model.epilogue_microseconds("addends", 1)
    with pytest.raises(ValueError, match="bits=3"):
        model.cold_weights_microseconds(3, 1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        ("[]", "format='keras_groupnet profile'"),
        ("{}", "format='keras_groupnet profile'"),
        (profile(version=2), "version 1 at most. A newer keras_groupnet"),
        (profile(version="1"), "of version '1'"),
        (profile(ops=None), "damaged.*groupnet profile"),
        (profile(machine=[]), "damaged"),
        (profile(invoke_microseconds=float("nan")), "damaged.*nan is no time"),
        (profile(ops={"conv": {"axes": {"a": [1, 2]}, "microseconds": [1]}}), "damaged"),
        (profile(ops={"conv": {"axes": {"a": [1, 2]}, "microseconds": [1, -1]}}), "damaged"),
        (profile(ops={"conv": {"axes": {"a": [2, 1]}, "microseconds": [1, 1]}}), "ascending"),
        (profile(epilogues={"values": [1], "nanoseconds": {"addend": [1, 2]}}), "damaged.*addend"),
    ],
)
def test_files_that_are_no_profile(content, message, tmp_path):
    path = tmp_path / "profile.json"
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        CostModel.load(path)


def test_a_profile_of_ones_own(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(profile()))
    model = kgn.deployment.CostModel.load(path)
    assert model.instruction_set == "avx2" and "a test" in repr(model)
    assert model.ops == {"conv": ("inputs", "outputs", "positions")}


def test_shipped_profiles():
    assert shipped_profiles() == ["avx2", "avx512"]
    avx2, avx512 = CostModel.load("avx2"), CostModel.load("avx512")
    assert avx2.ops == avx512.ops and len(avx2.ops) > 20
    layer = {"taps": 9, "words": 8, "outputs": 256, "strides": 1, "positions": 196}
    slow, fast = (model.microseconds("binary_conv_1", **layer) for model in (avx2, avx512))
    assert slow > fast
    real = avx512.microseconds("conv", taps=9, inputs=256, outputs=256, positions=196)
    assert real > 10 * fast
    assert CostModel.load().name in shipped_profiles()
    with pytest.raises(ValueError, match="'avx2', 'avx512'. Received: profile='sse2'"):
        CostModel.load("sse2")


@pytest.mark.parametrize(("best", "name"), [("avx512", "avx512"), ("scalar", "avx2")])
def test_the_default_fits_the_machine(best, name, monkeypatch):
    monkeypatch.setattr("keras_groupnet.deployment.cost_model.machine_set", lambda: best)
    assert CostModel.load().name == name


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("fpu avx2 fma popcnt", "avx2"),
        ("fpu popcnt avx512f avx2 fma", "avx2"),
        ("popcnt", "popcnt"),
        ("fpu", "scalar"),
        (
            "avx2 fma avx512f avx512bw avx512vl avx512dq avx512_vpopcntdq avx512_vnni avx512vbmi "
            "avx512_bitalg",
            "avx512",
        ),
    ],
)
def test_the_instruction_set_of_the_machine(flags, name, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("pathlib.Path.exists", lambda path: True)
    monkeypatch.setattr(
        "pathlib.Path.read_text", lambda path: f"processor: 0\nflags\t\t: {flags}\n"
    )
    assert machine_set() == name
