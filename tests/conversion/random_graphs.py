"""Random small graphs of the ops that passes look for, in wanted and unwanted arrangements."""

import numpy as np

from tests.conversion.graphs import RELU, RELU6, RELU_N1_TO_1, GraphBuilder, exact

_LARGEST = 2.0**22  # in units of the last binary place: float32 stays exact


class RandomGraph(GraphBuilder):
    """Grows by random ops on random tensors.

    Of each float tensor it knows the last binary place and a bound of the values, those included
    that appear when sums and products are distributed; an op that could round is not added.

    Args:
        seed: decides everything.
        steps: how many ops are tried.
    """

    def __init__(self, seed, steps=14):
        super().__init__(seed)
        self.batch_size = int(self.random.integers(1, 4))
        self.input_shapes = [(4, 4, 4)] * int(self.random.integers(1, 3))
        self._size = {}  # tensor -> (binary places, bound)
        for shape in self.input_shapes:
            self._size[self.image(*shape)] = (2, 4.0)
        moves = [self._conv] * 4 + [self._constant] * 5 + [self._pair] * 4 + [self._low_bit] * 3
        moves += [self._sloped] * 2 + [self._limit, self._concatenation, self._zeros]
        moves += [self._unary, self._max_pool, self._mean, self._bits, self._dense, self._flatten]
        self.packed = []
        for _ in range(steps):
            self.random.choice(moves)()
        found = [*self._size, *self.packed]
        count = min(len(found), int(self.random.integers(1, 4)))
        self.outputs = [found[-1], *self.random.choice(found, count - 1)]
        self.outputs = [int(t) for t in dict.fromkeys(self.outputs)]

    @property
    def content(self):
        return self.finish(self.outputs)

    @property
    def arrays(self):
        return [exact(self.random, self.batch_size, *shape) for shape in self.input_shapes]

    def _any(self, rank=None):
        """A float tensor, more often a late one."""
        found = [t for t in self._size if rank in (None, len(self.shape(t)))]
        if not found:
            return None
        return found[max(self.random.integers(len(found), size=2))]

    def _some(self, *options):
        return options[self.random.integers(len(options))]

    def _fits(self, places, bound):
        return bound * 2.0**places < _LARGEST

    def _activation(self):
        return self._some(0, 0, 0, RELU, RELU6, RELU_N1_TO_1)

    def _conv(self):
        x = self._any(4)
        places, bound = self._size[x]
        kernel = self._some((1, 1), (3, 3))
        if self.shape(x)[1:3] == (1, 1):
            kernel = (1, 1)
        places += 4
        bound = 0.5 * bound * kernel[0] * kernel[1] * self.shape(x)[-1] + 2
        if self._fits(places, bound):
            options = {"pad_value": self._some(0, 0, -1, 1), "activation": self._some(0, 0, 0, 1)}
            options |= {"pre_activation": self._some(0, 0, 1), "bias": self._some(False, True)}
            filters = self._some(1, 4, 4, 4)
            y = self.conv(x, filters, kernel, self._some(False, True), **options)
            self._size[y] = places, bound + 2

    def _dense(self):
        x = self._any(2)
        if x is not None:
            places, bound = self._size[x]
            bound = 2 * bound * self.shape(x)[-1]
            if self._fits(places + 2, bound):
                self._size[self.dense(x, 4)] = places + 2, bound

    def _flatten(self):
        x = self._any(4)
        batch, *rest = self.shape(x)
        size = rest[0] * rest[1] * rest[2]
        self._size[self.reshape(x, (batch, size))] = self._size[x]

    def _constant(self):
        """ADD, MUL or SUB with a constant of some shape."""
        x, kind = self._any(), self._some("ADD", "ADD", "MUL", "MUL", "SUB")
        places, bound = self._size[x]
        places = places + 2 if kind == "MUL" else max(places, 2)
        bound = bound * 2 if kind == "MUL" else bound + 2
        if not self._fits(places, bound):
            return
        *_, channels = self.shape(x)
        shapes = [(channels,), (channels,), (channels,), (), (1, 1, 1, channels), (4,)]
        if len(self.shape(x)) == 4:
            shapes += [(1, self.shape(x)[1], 1, 1), (1, *self.shape(x)[1:]), (1, 1, 1, 1)]
        else:
            shapes = [shape for shape in shapes if len(shape) < 2]
        shape = self._some(*shapes)
        if shape == (4,) and channels not in (1, 4):
            return
        pair = [x, self.vector(shape)]
        if self._some(True, False):
            pair.reverse()
        self._size[self.binary(kind, *pair, self._activation())] = places, bound

    def _pair(self):
        """ADD, MUL or SUB of two tensors."""
        x = self._any()
        a = self.shape(x)
        found = [t for t in self._size if len(self.shape(t)) == len(a)]
        same = [t for t in found if self.shape(t) == a]
        y = self._some(*found) if self._some(True, False) else self._some(*same)
        if any(1 != m != n != 1 for m, n in zip(a, self.shape(y), strict=True)):
            return
        kind = self._some("ADD", "ADD", "ADD", "MUL", "SUB")
        (p, m), (q, n) = self._size[x], self._size[y]
        places, bound = (p + q, m * n) if kind == "MUL" else (max(p, q), m + n)
        if self._fits(places, bound):
            self._size[self.binary(kind, x, y, self._activation())] = places, bound

    def _unary(self):
        x = self._any()
        kind = self._some("RELU", "RELU", "RELU", "RELU6", "RELU_N1_TO_1", "ABS", "NEG")
        self._size[self.unary(kind, x)] = self._size[x]

    def _sloped(self):
        x = self._any()
        places, bound = self._size[x]
        if self._fits(places + 3, bound):
            self._size[self._some(self.prelu, self.leaky_relu)(x)] = places + 3, bound

    def _limit(self):
        """MINIMUM or MAXIMUM with a number."""
        x = self._any()
        places, bound = self._size[x]
        limit = np.full(self._some((), (1,)), self._some(-1.0, 0.0, 0.5, 3.0), np.float32)
        y = self.binary(self._some("MINIMUM", "MAXIMUM"), x, limit)
        self._size[y] = max(places, 1), max(bound, 3.0)

    def _concatenation(self):
        """Two tensors, often both of few levels, beside each other."""
        x = self._any(4)
        size, few = self.shape(x)[:-1], self._some(True, False)
        pair = [x, self._some(*(t for t in self._size if self.shape(t)[:-1] == size))]
        sizes = [self._size[t] for t in pair]
        if few:
            pair, sizes = [self.low_bit(t) for t in pair], [(0, 1.0)] * 2
        y = self.result((*size, sum(self.shape(t)[-1] for t in pair)))
        self.builtin("CONCATENATION", pair, y, axis=3, fusedActivationFunction=0)
        self._size[y] = tuple(max(pair) for pair in zip(*sizes, strict=True))
        if few:
            self._size[self.conv(y, 4)] = 4, 100.0

    def _zeros(self):
        """Padding in front of a convolution that does not pad."""
        x = self._any(4)
        places, bound = self._size[x]
        bits = self._some(0, 1, 2)
        if not self._fits(places + 4, bound * 40):
            return
        if bits:
            x = self.low_bit(x, bits)
        batch, height, width, channels = self.shape(x)
        amounts = self.constant(np.array([(0, 0), (1, 1), (1, 1), (0, 0)], np.int32))
        y = self.builtin("PAD", [x, amounts], self.result((batch, height + 2, width + 2, channels)))
        stride = self._some(1, 2)
        options = {"padding": 1, "stride_height": stride, "stride_width": stride}
        self._size[self.conv(y, 4, **options)] = places + 4, bound * 40

    def _low_bit(self):
        bits = self._some(1, 1, 2, 4)
        x = self._any()
        self._size[self.low_bit(x, bits)] = (0, 1.0) if bits == 1 else (1, 2**bits / 2)

    def _bits(self):
        self.packed.append(self.quantize(self._any(), self._some(1, 2)))

    def _max_pool(self):
        x = self._any(4)
        self._size[self.max_pool(x, self._activation())] = self._size[x]

    def _mean(self):
        """Means of 2, 4, 8, … values; also as a matrix, for dense layers."""
        x = self._any(4)
        axes, keep = self._some(((1, 2), False), ((1, 2), True), ((3,), True), ((1,), True))
        places, bound = self._size[x]
        if self._fits(places + 4, bound):
            self._size[self.mean(x, axes, keep)] = places + 4, bound
