"""Regions and blocks: what they are by definition, and on nets whose blocks are known."""

import itertools

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.expansion.graph import Graph, Node, Tensor, read_graph
from keras_groupnet.expansion.regions import Regions
from tests.expansion.networks import plain_net, residual_net, towers
from tests.expansion.random_networks import RandomNetwork

L = keras.layers


def random_graph(seed: int) -> Graph:
    """A graph of nodes that do nothing; each reads earlier ones."""
    random = np.random.default_rng(seed)
    nodes, readers = [], []
    for index in range(random.integers(4, 12)):
        count = min(index, int(random.integers(1, 3))) if index > 1 else index
        inputs = random.choice(index, count, replace=False) if count else []
        tensors = tuple(Tensor(int(i), 0, ()) for i in inputs)
        nodes.append(Node(index, None, str(index), [], {}, tensors, None))
        readers.append([])
        for tensor in tensors:
            readers[tensor.node].append(index)
    outputs = [Tensor(i, 0, ()) for i, own in enumerate(readers) if not own]
    return Graph(tuple(nodes), [], outputs, tuple(map(tuple, readers)))


def paths(graph: Graph) -> list[list[int]]:
    """All ways from the front of the inputs, -1, to the end of the outputs."""
    end = len(graph.nodes)
    found, waiting = [], [[-1]]
    while waiting:
        path = waiting.pop()
        if path[-1] == end:
            found.append(path)
            continue
        if path[-1] == -1:
            following = [node.index for node in graph.nodes if not node.inputs]
        else:
            following = list(graph.readers[path[-1]])
            following += [end] if path[-1] in graph.output_nodes else []
        waiting += [[*path, index] for index in following]
    return found


@pytest.mark.parametrize("seed", range(40))
def test_chains_are_what_dominates_and_postdominates(seed):
    graph = random_graph(seed)
    every = paths(graph)

    def is_region(a: int, b: int) -> bool:
        return a < b and all((a in path) == (b in path) for path in every)

    ends = range(-1, len(graph.nodes) + 1)
    regions = Regions(graph)
    for first in ends[:-1]:
        chain = regions.chain(first)
        nodes = [first, *(region.exit for region in chain)]
        later = [b for b in ends if is_region(first, b)]
        assert nodes == [first, *later]
        for region in chain:
            between = {
                index
                for path in every
                if region.entry in path
                for index in path[path.index(region.entry) + 1 : path.index(region.exit) + 1]
            }
            assert set(region.inside) == between - {len(graph.nodes)}
    for a, b in itertools.combinations(ends, 2):
        assert is_region(a, b) == any(region.exit == b for region in regions.chain(a))


def blocks_of(model, **options):
    return [block.layers for block in kgn.plan_expansion(model, 1, **options).blocks]


def test_residual_blocks_and_plain_layers():
    assert blocks_of(residual_net()) == [(f"b{i}_conv1", f"b{i}_conv2") for i in (1, 2, 3)]
    assert blocks_of(plain_net()) == [("conv2",), ("conv3",), ("fc1",)]
    assert blocks_of(towers()) == [("t_conv2",)]


def test_depthwise_convolutions_and_the_layer_behind_are_one_block():
    model = keras.applications.MobileNet((32, 32, 3), 0.25, weights=None, classes=4)
    blocks = blocks_of(model, keep=("first", "last"))
    assert blocks[:2] == [("conv_dw_1", "conv_pw_1"), ("conv_dw_2", "conv_pw_2")]
    assert len(blocks) == 13


def test_a_network_inside_of_a_network_is_taken_apart():
    """A U-Net is one region; its blocks are its innermost levels, and the layers around them."""
    inputs = keras.Input((16, 16, 3))
    x = L.Conv2D(4, 3, padding="same", name="stem")(inputs)
    skips = []

    def double(x, name):
        for part in "ab":
            x = L.Conv2D(4, 3, padding="same", name=f"{name}{part}")(x)
            x = L.ReLU()(L.BatchNormalization()(x))
        return x

    for level in range(3):
        x = double(x, f"down{level}")
        skips.append(x)
        x = L.MaxPooling2D()(x)
    x = double(x, "bottom")
    for level, skip in reversed(list(enumerate(skips))):
        x = L.Concatenate()([L.UpSampling2D()(x), skip])
        x = double(x, f"up{level}")
    model = keras.Model(inputs, L.Conv2D(2, 1, name="last")(x))
    blocks = blocks_of(model)
    innermost = [f"{name}{part}" for name in ("down2", "bottom", "up2") for part in "ab"]
    assert tuple(innermost) in blocks and ("down1a",) in blocks
    assert {name for block in blocks for name in block} == {
        f"{name}{part}"
        for name in ("down0", "down1", "down2", "bottom", "up0", "up1", "up2")
        for part in "ab"
    }


@pytest.mark.parametrize("seed", range(6))
def test_every_low_bit_layer_is_in_one_block(seed):
    plan = kgn.plan_expansion(RandomNetwork(seed).model(), 1)
    low_bit = [row.name for row in plan.table.rows if not row.reason]
    in_blocks = [name for block in plan.blocks for name in block.layers]
    assert sorted(low_bit) == sorted(in_blocks)
    assert all(row.group for row in plan.table.rows if not row.reason)


def test_partitions_are_of_runs():
    model = residual_net(4)
    plan = kgn.plan_expansion(model, 1, partition=lambda blocks: [1, len(blocks) - 1])
    assert [[block.name for block in group] for group in plan.groups] == [
        ["b1_conv1"],
        ["b2_conv1", "b3_conv1", "b4_conv1"],
    ]
    assert [len(group) for group in kgn.plan_expansion(model, 1, partition="v2").groups] == [2, 2]
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, name="stem")(inputs)
    heads = [L.Dense(2)(L.Conv2D(4, 3, name=f"head{i}")(x)) for i in (1, 2)]
    two = keras.Model(inputs, heads)
    with pytest.raises(ValueError, match="2 such runs"):
        kgn.plan_expansion(two, 1, partition=[2])
    assert len(kgn.plan_expansion(two, 1, partition="v3").groups) == 2


def test_the_graph_of_a_model_is_its_calls():
    graph = read_graph(residual_net(1))
    assert [node.name for node in graph.nodes[1:4]] == ["stem", "stem_bn", "stem_relu"]
    add = next(node for node in graph.nodes if node.name == "b1_add")
    assert {graph.nodes[tensor.node].name for tensor in add.inputs} == {"stem_relu", "b1_bn2"}
