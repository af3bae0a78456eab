import pytest

import keras_groupnet as kgn
from keras_groupnet.bench.benchmark import benchmark, machine
from tests.conversion.networks import two_groups


def test_one_row_a_file_in_order():
    files = {f"{bits} bits": kgn.convert(two_groups(bits)).content for bits in (2, 1)}
    rows = benchmark(files, batch_size=2, runs=3)
    assert [row.name for row in rows] == ["2 bits", "1 bits"]
    assert all(0 < row.fastest_ms <= row.median_ms for row in rows)
    assert [row.file_bytes for row in rows] == [len(content) for content in files.values()]


def test_every_file_with_every_number_of_threads():
    files = {"ours": kgn.convert(two_groups(1)).content}
    rows = benchmark(files, num_threads=(1, 2), runs=1)
    assert [(row.name, row.num_threads) for row in rows] == [("ours", 1), ("ours", 2)]


def test_nothing_to_time():
    with pytest.raises(ValueError, match="at least one file"):
        benchmark({})


def test_machine_names_the_runtime():
    facts = machine()
    assert facts["cpu"] and "ai-edge-litert" in facts
