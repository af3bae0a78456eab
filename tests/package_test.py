import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import keras_groupnet


def run(code, **environment):
    """Runs `code` in a fresh Python."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_public_name_is_there():
    assert keras_groupnet.__all__ == sorted(keras_groupnet.__all__)
    for name in keras_groupnet.__all__:
        if name not in ("convert", "lite", "to_binary", "to_c", "to_qonnx"):
            assert getattr(keras_groupnet, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keras_groupnet.nothing


def test_names_are_listed_before_they_are_used():
    assert set(keras_groupnet.__all__) <= set(dir(keras_groupnet))


def test_importing_the_package_imports_neither_keras_nor_a_backend():
    code = (
        "import sys, keras_groupnet; assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "imports",
    [
        "import keras_groupnet, keras",
        # One of our modules is the first to import Keras.
        "import keras_groupnet.layers, keras",
        "from keras_groupnet.quantizers import SteSign; import keras",
        "from keras_groupnet.training.optimizers import SGDWithL2; import keras",
        # Somebody asks whether there is a Keras before it is imported.
        "import keras_groupnet, importlib.util; importlib.util.find_spec('keras'); import keras",
    ],
)
def test_keras_knows_every_class_of_ours(imports):
    names = set()
    for path in Path(keras_groupnet.__file__).parent.rglob("*.py"):
        found = re.findall(
            r'register_keras_serializable\(package="keras_groupnet"\)\n(?:def|class) (\w+)',
            path.read_text(),
        )
        names |= {f"keras_groupnet>{name}" for name in found}
    assert len(names) >= 30
    code = f"{imports}; missing = {names} - set(keras.saving.get_custom_objects()); "
    result = run(code + "assert not missing, missing")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_model_loads_where_only_the_package_was_imported(suffix, tmp_path):
    inputs = keras.Input((4, 4, 3))
    layer = keras_groupnet.layers.QuantConv2D(
        2, 3, input_quantizer="ste_sign", kernel_quantizer="binary_weight"
    )
    path = tmp_path / f"model{suffix}"
    keras.Model(inputs, layer(inputs)).save(path)
    load = f"model = keras.models.load_model({str(path)!r})"
    result = run(f"import keras_groupnet, keras; {load}; print(model.count_params())")
    assert result.stdout.strip() == "56", result.stderr


def test_keras_is_itself_after_the_registration():
    code = """
import keras_groupnet, sys, keras, importlib.resources
assert type(keras.__spec__.loader) is type(keras.__loader__)
assert keras.__loader__.__class__.__module__ == "_frozen_importlib_external"
assert importlib.resources.files("keras").joinpath("__init__.py").is_file()
assert not [f for f in sys.meta_path if type(f).__module__ == "keras_groupnet.registration"]
"""
    result = run(code)
    assert result.returncode == 0, result.stderr


def test_training_does_not_import_tensorflow():
    pytest.importorskip("jax")
    code = "import sys, keras_groupnet; keras_groupnet.training; "
    result = run(code + "assert 'tensorflow' not in sys.modules", KERAS_BACKEND="jax")
    assert result.returncode == 0, result.stderr


def test_running_files_needs_no_keras():
    code = """
import sys
from importlib.machinery import PathFinder

class WithoutKeras(PathFinder):
    @classmethod
    def find_spec(cls, name, *arguments):
        return None if name.split(".")[0] == "keras" else super().find_spec(name, *arguments)

sys.meta_path[:] = [f for f in sys.meta_path if f is not PathFinder] + [WithoutKeras]
import keras_groupnet
assert keras_groupnet.lite.Interpreter
assert "keras" not in sys.modules
"""
    result = run(code)
    assert result.returncode == 0, result.stderr
