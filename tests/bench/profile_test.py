"""A measured profile is one that the cost model loads; nothing is said of its times."""

import dataclasses

import pytest

pytest.importorskip("ai_edge_litert", reason="profiles are measured with ai-edge-litert")

from keras_groupnet.bench import profile as profiles  # noqa: E402
from keras_groupnet.bench.profile import measure_profile, write_profile  # noqa: E402
from keras_groupnet.cli import main as cli  # noqa: E402
from keras_groupnet.deployment import CostModel  # noqa: E402

_grids = profiles._grids


@pytest.fixture
def small(monkeypatch):
    """All kinds of ops, two points an axis, one run a point."""

    def grids():
        return {
            name: dataclasses.replace(
                grid, axes={axis: values[:2] for axis, values in grid.axes.items()}
            )
            for name, grid in _grids().items()
        }

    monkeypatch.setattr(profiles, "_grids", grids)
    monkeypatch.setattr(profiles, "_SECONDS", 0)
    monkeypatch.setattr(profiles, "_RUNS", 1)
    monkeypatch.setattr(profiles, "_COPIES", (1, 1))
    monkeypatch.setattr(profiles, "_EPILOGUE_POINTS", ((1, 1, 8, 1, 2), (1, 1, 8, 1, 4)))
    monkeypatch.setattr(profiles, "_COLD_POINT", (1, 1, 8, 1, 2))
    monkeypatch.setattr(profiles, "_COLD_MEBIBYTES", (0, 0))


def test_every_op_runs_and_the_command_writes_a_profile(small, tmp_path, capsys):
    path = tmp_path / "mine.json"
    assert cli.run(["profile", "-o", str(path)]) == 0
    assert f"groupnet summary --profile={path}" in capsys.readouterr().out
    assert [one.name for one in tmp_path.iterdir()] == ["mine.json"]
    measured = CostModel.load(path)
    assert measured.ops == CostModel.load("avx2").ops
    assert measured.microseconds("add", values=64) >= 0
    assert measured.machine["cpu"]


def test_points_of_too_much_work_go_on_with_the_last_step():
    assert profiles._continued([1.0, 3.0], (1, 2, 4)) == 7.0
    assert profiles._continued([9.0, 9.0, 9.0, 1.0, 3.0], (1, 2, 4)) == 7.0


def test_the_instruction_set_is_checked(monkeypatch):
    monkeypatch.setattr(profiles, "_SECONDS", 0)
    with pytest.raises(ValueError, match="kernel"):
        measure_profile("avx1024")


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "profile.json"
    path.write_text("before")
    with pytest.raises(TypeError):
        write_profile({"machine": object(), "ops": {}}, path)
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1
