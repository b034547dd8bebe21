"""Reads the layers of a TensorFlow Lite model: as much of its schema, version 3, as MobileNetV2 needs."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

OPERATORS = {
    0: 'add',
    1: 'average pool',
    3: 'convolution',
    4: 'depthwise convolution',
    22: 'reshape',
    25: 'softmax',
}
TYPES = {0: np.float32, 2: np.int32, 3: np.uint8}
RELU6 = 3


class Table:
    """A table of the FlatBuffers format, whose fields are known by their numbers in the schema."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def number(self, field: int, form: str) -> int:
        """A field that is one number, in struct's form; 0, every default here, if it is not stored."""
        at = self._field(field)
        return 0 if at is None else self._read(form, at)

    def table(self, field: int) -> 'Table':
        return self._follow(self._field(field))

    def tables(self, field: int) -> list['Table']:
        at = self._follow(self._field(field)).at
        return [self._follow(at + 4 + 4 * i) for i in range(self._read('I', at))]

    def array(self, field: int, dtype: type) -> np.ndarray:
        """A field that is a vector of numbers; an empty one if it is not stored."""
        if self._field(field) is None:
            return np.array([], dtype)
        at = self._follow(self._field(field)).at
        return np.frombuffer(self.data, dtype, self._read('I', at), at + 4)

    def _read(self, form: str, at: int) -> int:
        return struct.unpack_from(f'<{form}', self.data, at)[0]

    def _follow(self, at: int) -> 'Table':
        """What the offset stored at `at` leads to."""
        return Table(self.data, at + self._read('I', at))

    def _field(self, number: int) -> int | None:
        """Where a field stands, or None if it is not stored."""
        places = self.at - self._read('i', self.at)
        entry = 4 + 2 * number
        offset = self._read('H', places + entry) if entry < self._read('H', places) else 0
        return self.at + offset if offset else None


@dataclass
class Layer:
    """An operator between numbered maps; its constants are float32, in TensorFlow's order of dimensions."""

    operator: str
    inputs: list[int]
    output: int
    constants: list[np.ndarray] = field(default_factory=list)
    stride: int = 1
    relu6: bool = False


def read_constant(tensor: Table, buffers: list[Table]) -> np.ndarray | None:
    """The values of a stored tensor, (integer - zero) * scale; None for maps, of which nothing is stored."""
    stored = buffers[tensor.number(2, 'I')].array(0, np.uint8)
    if len(stored) == 0:
        return None
    values = stored.view(TYPES[tensor.number(1, 'b')]).reshape(tensor.array(0, np.int32))
    scale, zero = tensor.table(4).array(2, np.float32), tensor.table(4).array(3, np.int64)
    return (values.astype(np.float32) - np.float32(zero[0])) * scale[0] if len(scale) else values


def read_layer(operator: Table, names: list[str], constants: list[np.ndarray | None]) -> Layer:
    inputs = operator.array(1, np.int32).tolist()
    layer = Layer(
        names[operator.number(0, 'I')],
        [i for i in inputs if constants[i] is None],
        int(operator.array(2, np.int32)[0]),
        [constants[i] for i in inputs if constants[i] is not None],
    )
    if 'convolution' in layer.operator:
        options = operator.table(4)
        layer.stride = options.number(1, 'i')
        layer.relu6 = options.number(3 if layer.operator == 'convolution' else 4, 'b') == RELU6
    return layer


def read_layers(file: Path) -> tuple[int, list[Layer]]:
    """The number of the model's input, and its layers in order."""
    data = Path(file).read_bytes()
    model = Table(data, struct.unpack_from('<I', data)[0])
    names = [OPERATORS[code.number(0, 'b')] for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    constants = [read_constant(tensor, buffers) for tensor in graph.tables(0)]
    layers = [read_layer(operator, names, constants) for operator in graph.tables(3)]
    return int(graph.array(1, np.int32)[0]), layers
