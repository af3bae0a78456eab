"""`Graph` on hand-made files."""

import ml_dtypes
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.flatbuffer.model_io import read_model, write_model
from keras_groupnet.conversion.flatbuffer.writing import signature_entry
from tests.conversion.graphs import GraphBuilder, images, kinds, values


def diamond():
    """x -> ABS -> (NEG, SQUARE) -> ADD; the graph and its tensors by name."""
    b = GraphBuilder()
    x = b.image(4)
    middle = b.unary("ABS", x)
    left, right = b.unary("NEG", middle), b.unary("SQUARE", middle)
    y = b.add(left, right)
    return Graph(b.finish([y])), {"x": x, "abs": middle, "neg": left, "square": right, "y": y}


def edges(graph):
    """Who writes and who reads each tensor, by looking at every op."""
    writes = {t: op for op in graph.ops for t in op.outputs}
    reads = {t: {op for op in graph.ops if t in op.inputs} for t in range(len(graph.tensors))}
    return writes, reads


def assert_index_is_right(graph):
    writes, reads = edges(graph)
    for tensor in range(len(graph.tensors)):
        assert graph.producer(tensor) is writes.get(tensor)
        readers = graph.consumers(tensor)
        assert len(readers) == len(set(readers)) and set(readers) == reads[tensor]


def modified(content, edit):
    """The file after an edit of its flatbuffer's objects."""
    model = read_model(content)
    edit(model)
    return write_model(model)


# ---- reading and writing ----


def test_a_round_trip_keeps_values_names_and_shapes():
    b = GraphBuilder()
    y = b.batch_norm(b.conv(b.low_bit(b.image(4, 3, 5), 2)))
    content = b.finish([y])
    again = Graph(content).to_bytes()
    assert Graph(again).to_bytes() == again
    (a,), (e) = values(again, images(4, 3, 5)), values(content, images(4, 3, 5))[0]
    np.testing.assert_array_equal(a, e)
    before, after = Graph(content), Graph(again)
    assert kinds(after) == kinds(before)
    assert [op.options for op in after.ops] == [op.options for op in before.ops]
    for t in range(len(before.tensors)):
        assert after.name(t) == before.name(t)
        assert after.shape(t) == before.shape(t) and after.signature(t) == before.signature(t)


def test_writing_leaves_the_graph_as_it_is():
    graph, names = diamond()
    first = graph.to_bytes()
    graph.with_outputs([names["abs"]])
    graph.subgraph_of(graph.ops[:1], graph.inputs, [names["abs"]])
    assert graph.to_bytes() == first


def test_a_model_without_ops():
    b = GraphBuilder()
    x = b.image(4)
    again = Graph(b.finish([x])).to_bytes()
    np.testing.assert_array_equal(values(again, images(4))[0], images(4))


def test_several_inputs_and_outputs_keep_their_order():
    b = GraphBuilder()
    x, y = b.image(4), b.image(4)
    negative, total = b.unary("NEG", y), b.add(x, y)
    content = Graph(b.finish([total, negative, x])).to_bytes()
    one, two = images(4), images(4, seed=1)
    for a, e in zip(values(content, one, two), [one + two, -two, one], strict=True):
        np.testing.assert_array_equal(a, e)


_TYPES = """
float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64
""".split()


@pytest.mark.parametrize("dtype", _TYPES)
def test_constants_of_every_type(dtype):
    graph, _ = diamond()
    value = (np.arange(6) % 3).reshape(2, 3).astype(getattr(ml_dtypes, dtype, dtype))
    tensor = graph.add_constant(value, "c")
    assert graph.dtype(tensor) == value.dtype and graph.shape(tensor) == (2, 3)
    op = Op("CAST", [tensor], [graph.add_tensor((2, 3), np.float32, "f")], {}, *_cast(graph))
    graph.append(op)
    graph = graph.subgraph_of([op], [], op.outputs)
    (cast,) = graph.ops
    again = graph.value(cast.inputs[0])
    assert again.dtype == value.dtype
    np.testing.assert_array_equal(again, value)
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 0


def _cast(graph):
    op = graph.plain("CAST", 0, 0)
    return op.source, op.code


def test_types_that_numpy_lacks_are_no_constants_but_are_written():
    def as_int4(model):
        constant = model.subgraphs[0].operators[0].inputs[1]
        model.subgraphs[0].tensors[constant].type = schema.TensorType.INT4

    b = GraphBuilder()
    content = modified(b.finish([b.mul(b.image(4), b.vector(4))]), as_int4)
    graph = Graph(content)
    constant = graph.ops[0].inputs[1]
    assert graph.constant(constant) is None and graph.dtype(constant) is None
    with pytest.raises(ValueError, match="Expected a constant tensor"):
        graph.value(constant)
    alone = graph.subgraph_of(graph.ops, graph.inputs, graph.outputs)
    for one in (Graph(graph.to_bytes()), alone):
        data = one.model.buffers[one.tensors[one.ops[0].inputs[1]].buffer].data
        assert bytes(data) == bytes(graph.model.buffers[graph.tensors[constant].buffer].data)


def test_a_constant_without_elements():
    b = GraphBuilder(batch=1)
    y = b.reshape(b.image(1), ())
    graph = Graph(b.finish([y]))
    assert graph.value(graph.ops[0].inputs[1]).shape == (0,)
    assert graph.constant(graph.inputs[0]) is None and graph.constant(ABSENT) is None


def test_equal_constants_share_a_buffer_and_different_ones_do_not():
    b = GraphBuilder()
    x = b.image(4)
    same = np.arange(4, dtype=np.float32)
    for value in (same, same.copy(), same + 1, same.view(np.int32).view(np.float32)):
        x = b.add(x, value)
    graph = Graph(Graph(b.finish([x])).to_bytes())
    buffers = [graph.tensors[op.inputs[1]].buffer for op in graph.ops]
    assert buffers[0] == buffers[1] == buffers[3] != buffers[2]
    assert len(graph.model.buffers) == 3


def test_metadata_moves_with_its_buffer():
    def add(model):
        entry, buffer = schema.MetadataT(), schema.BufferT()
        entry.name, buffer.data = b"note", np.frombuffer(b"hello", np.uint8)
        model.buffers.append(buffer)
        entry.buffer = len(model.buffers) - 1
        model.metadata = [entry]

    b = GraphBuilder()
    x = b.image(4)
    b.add(x, b.vector(4))  # nobody reads it: its constant goes
    model = read_model(Graph(modified(b.finish([b.unary("ABS", x)]), add)).to_bytes())
    assert len(model.buffers) == 2
    assert bytes(model.buffers[model.metadata[0].buffer].data) == b"hello"


def test_signatures_follow_their_tensors():
    def sign(model):
        for key, output in (("first", 0), ("both", 1)):
            signature = schema.SignatureDefT()
            signature.signatureKey, signature.subgraphIndex = key.encode(), 0
            inputs, outputs = model.subgraphs[0].inputs, model.subgraphs[0].outputs
            signature.inputs = [signature_entry("x", int(inputs[0]))]
            signature.outputs = [signature_entry("y", int(outputs[output]))]
            model.signatureDefs = [*(model.signatureDefs or []), signature]

    b = GraphBuilder()
    b.unary("ABS", b.image(4))  # dead, so that indices move
    x = b.unary("NEG", 0)
    graph = Graph(modified(b.finish([x, b.unary("SQUARE", x)]), sign))
    again = Graph(graph.to_bytes())
    found = [(s.inputs[0].tensorIndex, s.outputs[0].tensorIndex) for s in again.model.signatureDefs]
    assert found == [(again.inputs[0], output) for output in again.outputs]
    assert again.outputs != graph.outputs


def test_a_signature_of_another_tensor_is_refused():
    def sign(model):
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.outputs = b"inner", [signature_entry("y", 1)]
        model.signatureDefs = [signature]

    b = GraphBuilder()
    content = modified(b.finish([b.unary("ABS", b.unary("NEG", b.image(4)))]), sign)
    with pytest.raises(ValueError, match="signature's outputs.*inner"):
        Graph(content).to_bytes()


def test_intermediate_tensors_of_an_op_are_renumbered():
    def add(model):
        model.subgraphs[0].operators[-1].intermediates = np.asarray([dead + 1], np.int32)

    b = GraphBuilder()
    x = b.image(4)
    dead = b.unary("ABS", x)
    inner = b.result((-1, 7))
    assert inner == dead + 1
    y = b.unary("NEG", x)
    graph = Graph(Graph(modified(b.finish([y]), add)).to_bytes())
    (op,) = graph.ops
    assert len(graph.tensors) == 3 and graph.shape(op.intermediates[0]) == (1, 7)


@pytest.mark.parametrize("kind", ["ABS", "SQUARED_DIFFERENCE", "GELU"])
def test_op_codes_of_every_size(kind):
    """Those above 126 do not fit the field that old readers know."""
    graph, _ = diamond()
    output = graph.add_tensor((1, 4), np.float32, "out")
    op = graph.plain(kind, graph.outputs[0], output)
    graph.append(op)
    again = Graph(graph.with_outputs([output]))
    assert kinds(again)[-1] == kind


# ---- refusals ----


def test_two_subgraphs_are_refused():
    def double(model):
        model.subgraphs = model.subgraphs * 2

    b = GraphBuilder()
    content = modified(b.finish([b.unary("ABS", b.image(4))]), double)
    with pytest.raises(ValueError, match="one subgraph.*Received: 2 subgraphs"):
        Graph(content)


def test_what_is_no_tflite_file_is_refused():
    for content in (b"", b"PK\x03\x04 something else"):
        with pytest.raises(ValueError, match="content of a .tflite file. Received: "):
            Graph(content)


def test_two_writers_of_a_tensor_are_refused():
    b = GraphBuilder()
    x = b.image(4)
    y = b.unary("ABS", x)
    b.builtin("NEG", [x], y)
    with pytest.raises(ValueError, match="one op to write.*ABS.*NEG"):
        Graph(b.finish([y]))
    graph, names = diamond()
    with pytest.raises(ValueError, match="one op to write"):
        graph.append(graph.plain("ABS", names["x"], names["y"]))


def test_a_cycle_is_detected():
    graph, names = diamond()
    (op,) = graph.of_kind("ABS")
    op.set_input(0, names["y"])
    for write in (graph.tidy, graph.to_bytes, lambda: graph.with_outputs([])):
        with pytest.raises(RuntimeError, match="cycle.*ABS"):
            write()


# ---- looking and editing ----


def test_producers_and_consumers():
    graph, names = diamond()
    assert_index_is_right(graph)
    assert graph.producer(names["x"]) is None
    assert [op.kind for op in graph.consumers(names["abs"])] == ["NEG", "SQUARE"]
    assert graph.only_consumer(names["abs"]) is None
    assert graph.only_consumer(names["neg"]).kind == "ADD"
    assert graph.only_consumer(names["y"]) is None


def test_an_output_of_the_model_has_no_only_consumer():
    b = GraphBuilder()
    y = b.unary("ABS", b.image(4))
    graph = Graph(b.finish([b.unary("NEG", y), y]))
    assert graph.only_consumer(y) is None and len(graph.consumers(y)) == 1


def test_an_op_that_reads_a_tensor_twice_is_one_consumer():
    b = GraphBuilder()
    x = b.image(4)
    graph = Graph(b.finish([b.mul(x, x)]))
    assert graph.only_consumer(x) is graph.ops[0]
    graph.ops[0].set_input(1, graph.add_constant(np.ones(4, np.float32), "ones"))
    assert graph.only_consumer(x) is graph.ops[0]
    assert_index_is_right(graph)


def test_the_index_is_right_after_any_edits():
    random = np.random.default_rng(0)
    for _ in range(30):
        graph, _ = diamond()
        for _ in range(30):
            ops = graph.ops
            op = ops[random.integers(len(ops))]
            tensor = int(random.integers(len(graph.tensors)))
            new = graph.add_tensor((1, 4), np.float32, "new")
            match random.integers(6):
                case 0:
                    graph.append(graph.plain("ABS", tensor, new))
                case 1:
                    op.set_input(int(random.integers(4)), tensor)
                case 2:
                    op.outputs = [new, *op.outputs][: random.integers(1, 3)]
                case 3 if len(ops) > 2:
                    graph.remove(op)
                    assert op not in graph
                case 4:
                    chain = graph.add_tensor((1, 4), np.float32, "chain")
                    first = graph.plain("ABS", tensor, chain)
                    position = ops.index(op)
                    graph.replace(op, [first, graph.plain("NEG", chain, new)])
                    assert graph.ops[position] is first and len(graph.ops) == len(ops) + 1
                case _:
                    graph.replace_tensor(tensor, new, lambda each: each.kind != "NEG")
            assert_index_is_right(graph)


def test_lists_of_tensors_cannot_be_edited_behind_the_graphs_back():
    graph, _ = diamond()
    op = graph.ops[0]
    for edit in (
        lambda: op.inputs.__setitem__(0, 1),
        lambda: op.outputs.append(1),
        lambda: graph.ops.remove(op),
        lambda: setattr(graph, "ops", []),
        lambda: setattr(graph, "outputs", []),
    ):
        with pytest.raises((AttributeError, TypeError)):
            edit()


def test_an_op_is_in_one_graph_at_a_time():
    graph, _ = diamond()
    other, _ = diamond()
    op = graph.ops[0]
    with pytest.raises(ValueError, match="in no graph yet"):
        other.append(op)
    graph.remove(op)
    op.inputs = [99]  # no graph follows it any more
    assert graph.consumers(99) == []


def test_optional_inputs():
    op = Op("KgnConv2D", [3, 4], [5])
    assert op.input(1) == 4 and op.input(5) == ABSENT
    op.set_input(4, 7)
    assert op.inputs == (3, 4, ABSENT, ABSENT, 7)


def test_tidy_drops_what_nobody_reads_and_keeps_the_order_otherwise():
    b = GraphBuilder()
    x = b.image(4)
    dead = b.unary("ABS", x)
    b.unary("NEG", dead)
    y = b.unary("SQUARE", x)
    graph = Graph(b.finish([b.add(b.unary("NEG", y), y)]))
    graph.tidy()
    assert kinds(graph) == ["SQUARE", "NEG", "ADD"]
    assert_index_is_right(graph)
    assert dead not in {t for op in graph.ops for t in op.inputs}


def test_tidy_puts_ops_behind_what_they_read():
    graph, names = diamond()
    late = graph.add_tensor((1, 4), np.float32, "late", names["x"])
    graph.append(graph.plain("SQUARE", names["x"], late))
    graph.of_kind("ABS")[0].set_input(0, late)
    graph.tidy()
    assert kinds(graph) == ["SQUARE", "ABS", "NEG", "SQUARE", "ADD"]
    x = images(4)
    np.testing.assert_array_equal(values(graph.to_bytes(), x)[0], x**4 - x**2)


def test_an_op_without_outputs_is_kept():
    """It is there for what it does, as ASSIGN_VARIABLE is."""
    graph, names = diamond()
    op = graph.plain("ABS", names["x"], names["x"])
    graph.append(Op("ASSIGN_VARIABLE", [names["abs"]], [], {}, op.source, op.code))
    graph.tidy()
    assert graph.of_kind("ASSIGN_VARIABLE")


# ---- parts of a model ----


def test_with_outputs_gives_inner_tensors_behind_the_models_own():
    graph, names = diamond()
    x = images(4)
    inner = [names["square"], names["x"], names["square"]]
    y, square, same, again = values(graph.with_outputs(inner), x)
    np.testing.assert_array_equal(y, x**2 - np.abs(x))
    np.testing.assert_array_equal(square, x**2)
    np.testing.assert_array_equal(same, x)
    np.testing.assert_array_equal(again, x**2)


def test_packed_tensors_can_be_looked_at():
    b = GraphBuilder()
    packed = b.quantize(b.image(4, 3, 5), 2)
    y = b.conv(b.dequantize(packed, 5, 2))
    _, bits = values(Graph(b.finish([y])).with_outputs([packed]), images(4, 3, 5))
    assert bits.dtype == np.int32 and bits.shape == (3, 4, 3, 2)


def test_a_part_of_a_graph_runs_alone_and_shares_nothing():
    b = GraphBuilder()
    x = b.image(4)
    middle = b.unary("ABS", x)
    y = b.add(b.mul(middle, b.vector(4)), x)
    graph = Graph(b.finish([b.unary("NEG", y)]))
    content = graph.to_bytes()
    ops = graph.of_kind("ADD", "MUL")[::-1]
    part = graph.subgraph_of(ops, [x, middle], [y])
    assert kinds(part) == ["MUL", "ADD"] and len(part.inputs) == 2
    signature = part.model.signatureDefs[0]
    assert [e.name for e in signature.inputs] == [b"input_0", b"input_1"]
    one, two = images(4), images(4, seed=1)
    factors = graph.value(graph.of_kind("MUL")[0].inputs[1])
    np.testing.assert_array_equal(values(part.to_bytes(), one, two)[0], two * factors + one)
    part.ops[0].source.builtinOptions.fusedActivationFunction = 1
    part.tensors[part.inputs[0]].shape = [9]
    part.ops[0].set_input(1, part.inputs[0])
    assert graph.to_bytes() == content


def test_a_constant_can_become_an_input():
    b = GraphBuilder()
    graph = Graph(b.finish([b.mul(b.image(4), b.vector(4))]))
    part = graph.subgraph_of(graph.ops, graph.ops[0].inputs, graph.outputs)
    one, two = images(4), images(4, batch=1, seed=1)[0]
    np.testing.assert_array_equal(values(part.to_bytes(), one, two)[0], one * two)


def test_a_part_with_a_loose_end_is_refused():
    graph, names = diamond()
    with pytest.raises(ValueError, match=f"Received: '{graph.name(names['abs'])}'"):
        graph.subgraph_of(graph.of_kind("NEG"), [names["x"]], [names["neg"]])
    with pytest.raises(ValueError, match=f"Received: '{graph.name(names['y'])}'"):
        graph.subgraph_of(graph.of_kind("ABS"), [names["x"]], [names["y"]])


def test_adopt_brings_in_another_graph():
    graph, names = diamond()
    b = GraphBuilder()
    other = Graph(b.finish([b.mul(b.image(4), b.vector(4))]))
    (new,), moved = graph.adopt(other)
    new.set_input(0, names["abs"])
    target = new.outputs[0]
    assert target == moved[other.outputs[0]]
    graph.append(new)
    graph.of_kind("NEG")[0].set_input(0, target)
    x = images(4)
    factors = other.value(other.ops[0].inputs[1])
    np.testing.assert_array_equal(values(graph.to_bytes(), x)[0], x**2 - np.abs(x) * factors)
    assert len(other.ops) == 1 and other.ops[0] is not new
    assert_index_is_right(graph)
