import keras

from keras_groupnet.methods.corresponding import corresponding


def model(*units):
    """Dense layers without names, then one with a name."""
    layers = [keras.layers.Dense(count) for count in units]
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(3, name="last")])


def path(variable):
    """Without the name of the model."""
    return variable.path.partition("/")[2]


def test_numbers_of_unnamed_layers_do_not_count():
    one, other = model(3, 3, 5), model(3, 3, 5)
    assert one.layers[0].name != other.layers[0].name
    pairs = corresponding(one.trainable_variables, other.trainable_variables)
    expected = zip(one.trainable_variables, other.trainable_variables, strict=True)
    assert {(id(a), id(b)) for a, b in pairs} == {(id(a), id(b)) for a, b in expected}


def test_a_pair_must_be_certain():
    # Two unnamed kernels of one shape against one: which it was cannot be known.
    pairs = corresponding(model(3, 3).trainable_variables, model(3).trainable_variables)
    assert {path(target) for _, target in pairs} == {"last/kernel", "last/bias"}


def test_names_come_first():
    def named(*names):
        return keras.Sequential(
            [keras.Input((3,)), *(keras.layers.Dense(3, name=n) for n in names)]
        )

    one, other = named("part_1", "part_2"), named("part_2", "part_3")
    pairs = {path(b): path(a) for a, b in corresponding(one.variables, other.variables)}
    assert pairs["part_2/kernel"] == "part_2/kernel"
