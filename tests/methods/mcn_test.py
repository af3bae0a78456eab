from keras_groupnet import methods
from keras_groupnet.layers import ModulatedConv2D
from tests.methods.networks import tiny


def test_options_reach_the_layers():
    for kind, shape in ((methods.MCN, (2, 3, 3)), (methods.MCN1, (2, 1, 1))):
        net = tiny(kind(planes=2, filter_weight=0.5))
        layers = [layer for layer in net.layers if isinstance(layer, ModulatedConv2D)]
        assert len(layers) == 4 and {x.filter_weight for x in layers} == {0.5}
        assert {tuple(x.modulation.shape) for x in layers} == {shape}
