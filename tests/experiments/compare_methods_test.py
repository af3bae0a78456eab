import csv
import dataclasses

import keras
import pytest

import keras_groupnet as kgn
from experiments.report import csv_text, markdown, replace_section, write_report
from experiments.runs import Run, Settings, finish_runs, finished_results
from experiments.training import make_method, share_epochs

SETTINGS = Settings(
    data="digits",
    epochs=2,
    stages=(8,),
    images=64,
    shrink=2,
    crop=1,
    flip=False,
    optimizer="adam",
    learning_rate=2e-3,
    batch_size=32,
)


def finish(work, *methods, retry=False):
    runs = [Run(work, method, 0) for method in methods]
    return list(finish_runs(runs, SETTINGS, None, convert=False, retry=retry))


def results(work):
    return {result["method"]: result for result in finished_results(work)}


def test_a_killed_comparison_goes_on(tmp_path, monkeypatch):
    epochs = []

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            epochs.append(epoch)

        def on_train_batch_begin(self, batch, logs=None):
            if epochs == [0, 1]:
                raise KeyboardInterrupt

    teacher, student = "full_precision", "rbcn:batch_norm_update=False"
    monkeypatch.setattr(kgn.methods.RBCN, "callbacks", lambda *_: [Kill()])
    with pytest.raises(KeyboardInterrupt):
        finish(tmp_path, student, "no_method")
    # The teacher was not asked for, but came first.
    assert list(results(tmp_path)) == [teacher]
    reports = finish(tmp_path, student, "no_method")
    assert [report.split(",")[0] for report in reports] == [student, "no_method"]
    assert epochs == [0, 1, 1]
    finished = results(tmp_path)
    assert finished[student]["epochs"] == 2
    assert finished[student]["binary_operations"] > 0 == finished[teacher]["binary_operations"]
    assert "`method` must be one of" in finished["no_method"]["error"]

    # What has finished is left alone, and what failed too, unless asked for.
    assert finish(tmp_path, student, "no_method") == []
    assert len(finish(tmp_path, student, "no_method", retry=True)) == 1
    assert epochs == [0, 1, 1]

    text = write_report(tmp_path, SETTINGS)
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "results.md").read_text() == text
    assert text.index(f"| `{teacher}` | 32/32 |") < text.index(f"| `{student}` | 1/1 |")
    assert "- no_method, seed 0: ValueError" in text


def test_a_run_that_another_process_has_is_not_done_twice(tmp_path):
    run = Run(tmp_path, "bnn", 0)
    with run.lock() as mine:
        assert mine
        with run.lock() as also_mine:
            assert not also_mine
    # A file that a dead process left behind locks nothing.
    assert (run.folder / "lock").exists()
    with run.lock() as mine:
        assert mine


def test_a_failed_teacher_fails_its_students_only(tmp_path):
    Run(tmp_path, "full_precision", 0).folder.mkdir(parents=True)
    Run(tmp_path, "full_precision", 0).save(
        {"method": "full_precision", "seed": 0, "error": "MemoryError: full"}
    )
    (report,) = finish(tmp_path, "rbcn")
    assert "teacher full_precision, seed 0, failed: MemoryError: full" in report


def test_methods_with_options():
    method = make_method("group_net:bases=3,partition=v2,pad_values=-1")
    assert (method.bases, method.partition, method.pad_values) == (3, "v2", -1)
    assert make_method("group_net:partition=(3,5)").partition == (3, 5)
    assert make_method("rbcn:adversarial=False").adversarial is False
    assert make_method("bnn") == kgn.methods.get("bnn")
    with pytest.raises(TypeError, match="colour"):
        make_method("bnn:colour=2")


def test_stages_share_the_epochs():
    assert share_epochs(7, 1) == [7]
    assert share_epochs(7, 2) == [3, 4]
    assert share_epochs(20, 6) == [2, 2, 2, 2, 2, 10]
    assert share_epochs(6, 6) == [1] * 6
    with pytest.raises(ValueError, match="6 stages.*epochs=5"):
        share_epochs(5, 6)


def test_settings_belong_to_the_folder(tmp_path):
    SETTINGS.check(tmp_path)
    SETTINGS.check(tmp_path)
    with pytest.raises(ValueError, match=r"other settings.*'epochs': \(2, 3\)"):
        dataclasses.replace(SETTINGS, epochs=3).check(tmp_path)
    assert "--stages=8" in SETTINGS.arguments() and "--flip=False" not in SETTINGS.arguments()


def result(method, seed, accuracy, **others):
    return {
        "method": method,
        "seed": seed,
        "accuracy": accuracy,
        "cpu_seconds": 60.0,
        "weight_bits": 1,
        "activation_bits": 1,
        "branches": 1,
        "estimated_bytes": 1500,
        "float_operations": 2_000_000,
        "binary_operations": 3_000_000,
    } | others


def test_table_and_csv():
    rows = [
        result("abc_net:bases=2", 0, 0.5, branches=6),
        result("bnn", 0, 0.7),
        result("bnn", 1, 0.8),
        result("full_precision", 0, 0.6),
        {"method": "syq", "seed": 1, "error": "ValueError: no"},
    ]
    text = markdown(rows, SETTINGS)
    table = [line for line in text.splitlines() if line.startswith("| `")]
    assert table == [
        "| `full_precision` | 1/1 | 1 | 60.00 | 1 | 1.5 | 2.00 | 3.00 | 1.0 |",
        "| `bnn` | 1/1 | 1 | 75.00 ± 5.00 | 2 | 1.5 | 2.00 | 3.00 | 1.0 |",
        "| `abc_net:bases=2` | 1/1 | 6 | 50.00 | 1 | 1.5 | 2.00 | 3.00 | 1.0 |",
    ]
    assert "'--methods=abc_net:bases=2 bnn full_precision syq' --seeds=0,1" in text
    assert "- syq, seed 1: ValueError: no" in text
    converted = markdown(
        [result("bnn", 0, 0.7, file_bytes=2500, differing=0, milliseconds=0.25)], SETTINGS
    )
    assert "| 2.5 | 2.00 | 3.00 | 1.0 | 0 | 0.250 |" in converted and "--convert" in converted
    read = list(csv.DictReader(csv_text(rows).splitlines()))
    assert (read[0]["method"], read[0]["options"]) == ("abc_net", "bases=2")
    assert read[4]["error"] == "ValueError: no" and read[4]["accuracy"] == ""


def test_the_section_of_a_document_is_replaced(tmp_path):
    path = tmp_path / "results.md"
    path.write_text("# Results\n")
    replace_section(path, "digits", "old")
    path.write_text(path.read_text() + "\nBy hand.\n")
    replace_section(path, "digits", "new")
    assert path.read_text() == (
        "# Results\n\n<!-- begin digits -->\n\nnew\n\n<!-- end digits -->\n\nBy hand.\n"
    )
