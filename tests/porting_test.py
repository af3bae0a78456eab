"""docs/porting_from_larq.md: its code runs, its tables are complete and true."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_groupnet

if keras.backend.backend() != "tensorflow":
    pytest.skip("the page converts, which needs TensorFlow", allow_module_level=True)

PAGE = Path(__file__).parents[1] / "docs" / "porting_from_larq.md"
ROW = re.compile(r"^\| `(\w+\.\w+)` \| (?:`kgn\.([\w.]+)`|—) \|(.*) \|$", re.MULTILINE)

# Of larq 0.14.0: what each of its public modules defines itself.
NAMES = {
    "activations": "hard_tanh leaky_tanh",
    "callbacks": "HyperparameterScheduler",
    "constraints": "WeightClip weight_clip",
    "context": "get_training_metrics metrics_scope quantized_scope should_quantize",
    "layers": "QuantConv1D QuantConv2D QuantConv2DTranspose QuantConv3D QuantConv3DTranspose "
    "QuantDense QuantDepthwiseConv2D QuantLocallyConnected1D QuantLocallyConnected2D "
    "QuantSeparableConv1D QuantSeparableConv2D",
    "math": "heaviside sign",
    "metrics": "FlipRatio",
    "models": "LayerProfile LayersTable ModelProfile OperationProfile SummaryTable WeightProfile "
    "sanitize_table summary",
    "optimizers": "Bop CaseOptimizer",
    "quantizers": "ApproxSign DoReFa DoReFaQuantizer MagnitudeAwareSign NoOp NoOpQuantizer "
    "Quantizer SteHeaviside SteSign SteTern SwishSign approx_sign deserialize get "
    "get_kernel_quantizer serialize ste_heaviside ste_sign ste_tern swish_sign",
    "utils": "memory_as_readable_str patch_object register_alias register_keras_custom_object "
    "set_precision",
}


def rows():
    return ROW.findall(PAGE.read_text())


def test_every_name_of_larq_has_one_row():
    expected = sorted(f"{module}.{name}" for module in NAMES for name in NAMES[module].split())
    assert sorted(name for name, _, _ in rows()) == expected


@pytest.mark.parametrize("larq, ours, note", rows(), ids=[row[0] for row in rows()])
def test_every_name_of_ours_exists(larq, ours, note):
    if not ours:
        assert note.strip(), larq
        return
    found = keras_groupnet
    for part in ours.split("."):
        found = getattr(found, part)
    assert found is not None and not isinstance(found, types.ModuleType)


LARQS_NAMES = """
import json, typing, larq
print(json.dumps({
    module: sorted(
        name
        for name, value in vars(getattr(larq, module)).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == f"larq.{module}"
        and not isinstance(value, typing.TypeVar)
    )
    for module in larq.__all__
}))
"""


def test_the_names_are_those_of_the_larq_that_is_here():
    if importlib.util.find_spec("larq") is None or importlib.util.find_spec("tf_keras") is None:
        pytest.skip("larq and tf-keras are not installed")
    # In a process of its own: it needs another Keras inside of TensorFlow.
    result = subprocess.run(
        [sys.executable, "-c", LARQS_NAMES],
        env=os.environ | {"TF_USE_LEGACY_KERAS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(result.stdout.splitlines()[-1])
    assert found == {module: sorted(names.split()) for module, names in NAMES.items()}


@pytest.fixture(scope="module")
def page():
    """What the page's code defines."""
    pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    keras.utils.set_random_seed(0)
    module = types.ModuleType("porting_page")
    code = "\n\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    exec(compile(code, str(PAGE), "exec"), module.__dict__)  # noqa: S102
    return module


def test_the_tutorials_train_and_convert(page):
    assert page.test_accuracy > 0.3
    kernels = [one for one in page.binary_weights if one.ndim > 1]
    assert len(kernels) == 5
    for kernel in kernels:
        np.testing.assert_array_equal(np.abs(kernel), 1)
    assert {one.status for one in page.converted.report.layers} == {"binary"}
    assert np.isfinite(page.history.history["loss"]).all()
    np.testing.assert_array_equal(np.abs(page.bop_net.get_weights()[0]), 1)


def test_a_larq_config_is_read(page):
    config = {"class_name": "SwishSign", "config": {"name": "s", "trainable": True, "beta": 3.0}}
    assert keras_groupnet.quantizers.get(config).beta == 3.0
