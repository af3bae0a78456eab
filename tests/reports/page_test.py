"""The page as a whole: what it shows of models and files, that it needs nothing else."""

import html.parser
import re
import sys

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.cli import main as cli

L = keras.layers
needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="conversion needs TensorFlow"
)


class Page(html.parser.HTMLParser):
    """Headings, the rows of each table, and what a browser would load."""

    VOID = ("meta", "link", "br")

    def __init__(self, text):
        super().__init__()
        self.headings, self.tables, self.loads, self.open = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        for name, value in attributes:
            if name in ("src", "href", "xlink:href") and not value.startswith(("#", "data:")):
                self.loads.append(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "h2" in self.open:
            self.headings.append(data)
        elif "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data


def page_at(path):
    text = path.read_text()
    page = Page(text)
    assert not page.loads and "@import" not in text
    assert not re.search(r"url\(\s*['\"]?(?!#|data:)", text)
    return page


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((6, 6, 3), name="images")
    x = L.Conv2D(4, 3, padding="same", name="stem")(inputs)
    bases = []
    for number in (1, 2):
        conv = kgn.layers.QuantConv2D(
            4,
            3,
            padding="same",
            pad_values=1.0,
            use_bias=False,
            input_quantizer="ste_sign",
            kernel_quantizer="binary_weight",
            name=f"block_base{number}_conv",
        )(x)
        bases.append(L.BatchNormalization(name=f"block_base{number}_bn")(conv))
    x = kgn.layers.GroupSum(name="sum")(bases)
    return keras.Model(inputs, L.Dense(3, name="fc")(L.Flatten()(x)), name="tiny")


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "tiny.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def statistics(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "statistics.csv"
    lines = ["epoch,layer,flip_ratio,near_zero,mean_latent,dead_channels,channels,histogram"]
    counts = " ".join(["9"] * 32)
    for epoch in range(3):
        lines += [f"{epoch},block_base{i}_conv,{0.1**epoch},0.2,0.03,1,4,{counts}" for i in (1, 2)]
    path.write_text("\n".join(lines) + "\n")
    return path


def data():
    images = np.random.default_rng(0).standard_normal((8, 6, 6, 3), np.float32)
    return images, np.arange(8) % 3


@needs_tensorflow
def test_a_model(model, statistics, tmp_path):
    path = tmp_path / "tiny.html"
    parent = keras.Sequential([keras.Input((6, 6, 3)), L.Conv2D(4, 3), L.Flatten(), L.Dense(3)])
    kgn.report(model, path, data=data(), statistics=statistics, parent=parent, runs=1)
    assert [one.name for one in tmp_path.iterdir()] == ["tiny.html"]
    page = page_at(path)
    assert page.headings == [
        "Drawing",
        "Layers",
        "Measured time",
        "Ops of the file",
        "Size",
        "Accuracy",
        "Latent weights",
        "Training",
    ]
    layers, nets, ops, training = page.tables
    columns = layers[0]
    assert columns[3:6] == ["measured ms", "estimated ms", "float32 ms"]
    assert "int8 ms" in columns and "bytes in the file" in columns
    row = dict(zip(columns, layers[2], strict=True))
    assert row["layer"] == "block_base1_conv" and row["1-bit weights"] == "144"
    assert row["bits"] == "W1A1" and float(row["estimated ms"]) > 0
    assert float(row["measured ms"]) >= 0 and float(row["float32 ms"]) > 0
    assert [row[0] for row in nets[1:]] == ["this model", "parent, float32", "parent, int8"]
    assert [row[1] for row in ops[1:]].count("KgnConv2D") == 2
    assert training[1][:3] == ["block_base1_conv", "2", "0.0100"]
    text = path.read_text()
    assert "<br>epoch 0 to 2, ±1.5<" in text and text.count('class="before"') == 1
    expected = (model.predict(data()[0], verbose=0).argmax(-1) == data()[1]).mean()
    assert text.count(f"<dd>{100 * expected:.2f} %</dd>") == 2  # Keras, and the file


@needs_tensorflow
def test_what_cannot_be_timed_beside_it_is_said(model, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("no such kernel")

    path = tmp_path / "a.html"
    monkeypatch.setattr("keras_groupnet.reports.measured.twin_times", fails)
    monkeypatch.setitem(sys.modules, "litert_quantizer", None)
    monkeypatch.setitem(sys.modules, "ai_edge_quantizer", None)
    kgn.report(model, path, runs=1)
    columns = page_at(path).tables[0][0]
    assert "measured ms" in columns and "int8 ms" not in columns and "float32 ms" not in columns
    text = path.read_text()
    assert "were not timed: no such kernel" in text and "keras_groupnet[int8]" in text


@needs_tensorflow
def test_a_model_that_cannot_be_converted_says_so(tmp_path):
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, L.Dense(2)(inputs))
    kgn.report(model, tmp_path / "a.html", input_shape=(5, 4))
    assert "Not measured: " in (tmp_path / "a.html").read_text()


def test_without_measuring(model, tmp_path):
    kgn.report(model, tmp_path / "a.html", measure=False)
    page = page_at(tmp_path / "a.html")
    assert page.headings == ["Drawing", "Layers", "Measured time", "Latent weights"]
    assert "Not measured: it was not asked for." in (tmp_path / "a.html").read_text()


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="it is measured there")
def test_another_backend_says_why_nothing_is_measured(model, tmp_path):
    kgn.report(model, tmp_path / "a.html")
    assert "needs TensorFlow as Keras" in (tmp_path / "a.html").read_text()


@needs_tensorflow
def test_the_command(saved, statistics, tmp_path, capsys):
    path = tmp_path / "page.html"
    common = ["report", str(saved), "-o", str(path), "--nomeasure"]
    assert cli.run([*common, f"--statistics={statistics}"]) == 0
    assert "written" in capsys.readouterr().out
    assert "Training" in page_at(path).headings
    other = tmp_path / "model.csv"
    other.write_text("a,b\n1,2\n")
    assert cli.run([*common, f"--statistics={other}"]) == 1
    assert "with the columns a, b" in capsys.readouterr().err
    assert cli.run([*common, "--data=digits"]) == 1
    assert "(None, 6, 6, 3)" in capsys.readouterr().err


@needs_tensorflow
def test_a_file_alone(model, tmp_path, capsys):
    file = tmp_path / "<b>$tiny.tflite"
    kgn.convert(model, file)
    path = tmp_path / "page.html"
    assert cli.run(["report", str(file), f"--output={path}", "--runs=1"]) == 0
    page = page_at(path)
    assert page.headings == ["Drawing", "Ops", "Measured time", "Size"]
    assert "<h1>&lt;b&gt;$tiny.tflite</h1>" in path.read_text()
    columns, *rows = page.tables[0]
    assert columns[-1] == "ms" and all(row[-1] for row in rows)
    binary = [row for row in rows if row[1] == "KgnConv2D"]
    assert [row[2] for row in binary] == ["block_base1_conv", "block_base2_conv"]
    assert {row[4] for row in binary} == {"W1A1"} and {row[5] for row in binary} == {"5,184"}
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"nothing")
    assert cli.run(["report", str(damaged), f"--output={path}"]) == 1
    assert "Expected the content of a .tflite file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one .keras or .tflite file"),
        (["a.tflite"], "no such file"),
        (["a.onnx"], "no such file"),
        (["{saved}", "-o", "page.pdf"], "ends in .html"),
        (["{saved}", "-o", "nowhere/page.html"], "no such folder"),
        (["{saved}", "--statistics=none.csv"], "no such file"),
        (["{saved}", "--data_path=here"], "--data_path=here needs --data"),
        (["{saved}", "--input_shape=8,x"], "whole numbers"),
    ],
)
def test_mistakes(arguments, message, saved, capsys):
    assert cli.run(["report", *(text.format(saved=saved) for text in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_arguments_that_do_not_fit(model, tmp_path):
    with pytest.raises(ValueError, match="ends in .html"):
        kgn.report(model, tmp_path / "a.svg")
    with pytest.raises(ValueError, match="runs=0"):
        kgn.report(model, tmp_path / "a.html", runs=0)
    with pytest.raises(ValueError, match="model=3"):
        kgn.report(3, tmp_path / "a.html")
    with pytest.raises(ValueError, match="parent='tiny' with the binary layers"):
        kgn.report(model, tmp_path / "a.html", parent=model)
    with pytest.raises(ValueError, match="labels up to 9"):
        kgn.report(model, tmp_path / "a.html", data=(data()[0], np.full(8, 9)), measure=False)
    assert not list(tmp_path.iterdir())
