"""The fuzzers' seeds in the repository are those that the tests' op cases make now."""

from tests.fuzz import make_corpus


def test_the_seeds_in_the_repository_are_up_to_date():
    folder = make_corpus.FOLDER / "corpus"
    stored = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    made = make_corpus.corpus()
    assert stored == set(made), "run tests/fuzz/make_corpus.py"
    assert all((folder / name).read_bytes() == content for name, content in made.items())


def test_the_fuzzer_reads_the_options_in_the_order_of_the_seeds():
    stored = (make_corpus.FOLDER / "op_options.inc").read_text()
    assert stored == make_corpus.op_options(), "run tests/fuzz/make_corpus.py"


def test_every_op_of_the_cases_lists_all_of_its_options():
    for name, case in make_corpus.op_cases.CASES.items():
        assert set(case.options) <= set(make_corpus.OPS[case.name]), name
