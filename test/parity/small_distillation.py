"""Makes what a small distillation needs in a folder: images.npy, of two colours, and teacher.tflite.

    python test/parity/small_distillation.py FOLDER
"""
# requirements: numpy

import struct
import sys
from pathlib import Path

import numpy as np

ADD, AVERAGE_POOL, CONVOLUTION, DEPTHWISE = 0, 1, 3, 4
UINT8, INT32 = 3, 2


class Writer:
    """Writes FlatBuffers: every part before the parts that it refers to, every field in four bytes."""

    def __init__(self) -> None:
        self.data = bytearray(4)

    def file(self, fields: dict) -> bytes:
        self._refer(0, fields)
        return bytes(self.data)

    def _add(self, form: str, *values) -> int:
        at = len(self.data)
        self.data += struct.pack(f'<{form}', *values)
        return at

    def _refer(self, slot: int, part: dict | list | np.ndarray) -> None:
        """Writes a part, and to `slot` how far it is from there."""
        at = self._vector(part) if isinstance(part, np.ndarray) else self._parts(part)
        struct.pack_into('<I', self.data, slot, at - slot)

    def _vector(self, values: np.ndarray) -> int:
        at = self._add('I', values.size)
        self.data += values.tobytes()
        return at

    def _parts(self, parts: dict | list) -> int:
        """A table of fields by number, or a list of tables."""
        if isinstance(parts, list):
            at = self._add('I', len(parts))
            slots = {i: self._add('I', 0) for i in range(len(parts))}
            values = dict(enumerate(parts))
        else:
            count = max(parts, default=-1) + 1
            places = [4 + 4 * sorted(parts).index(i) if i in parts else 0 for i in range(count)]
            names = self._add(f'{2 + count}H', 4 + 2 * count, 4 + 4 * len(parts), *places)
            at = self._add('i', len(self.data) - names)
            slots = {i: self._add('I', 0) for i in sorted(parts)}
            values = parts
        for i, value in values.items():
            if isinstance(value, int):
                struct.pack_into('<i', self.data, slots[i], value)
            else:
                self._refer(slots[i], value)
        return at


class Model:
    """A model in the fields of TensorFlow Lite's schema."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.buffers, self.tensors, self.operators = [{}], [], []
        self.maps = self._tensor({2: 0})

    def convolve(self, kind: int, shape: tuple[int, ...], channels: int, stride: int) -> None:
        """Adds a convolution with a weight of this shape, to so many channels, and RELU6 behind it."""
        weight = self.random.integers(0, 256, shape, np.uint8)
        bias = np.zeros(channels, np.int32)
        constants = [self._constant(weight, UINT8, 1 / 256), self._constant(bias, INT32, 1.0)]
        options = {1: stride, 2: stride, (3 if kind == CONVOLUTION else 4): 3}
        self._operator(kind, [self.maps, *constants], options)

    def add(self, kind: int, *more: int) -> None:
        self._operator(kind, [self.maps, *more], {})

    def written(self) -> bytes:
        kinds = [{0: kind} for kind in (ADD, AVERAGE_POOL, CONVOLUTION, DEPTHWISE)]
        graph = {0: self.tensors, 1: np.array([0], np.int32), 3: self.operators}
        return Writer().file({0: 3, 1: kinds, 2: [graph], 4: self.buffers})

    def _tensor(self, fields: dict) -> int:
        self.tensors.append(fields)
        return len(self.tensors) - 1

    def _constant(self, values: np.ndarray, kind: int, scale: float) -> int:
        self.buffers.append({0: values.view(np.uint8).reshape(-1)})
        zero = 128 if kind == UINT8 else 0
        quantization = {2: np.array([scale], np.float32), 3: np.array([zero], np.int64)}
        shape = np.array(values.shape, np.int32)
        return self._tensor({0: shape, 1: kind, 2: len(self.buffers) - 1, 4: quantization})

    def _operator(self, kind: int, inputs: list[int], options: dict) -> None:
        self.maps = self._tensor({2: 0})
        index = (ADD, AVERAGE_POOL, CONVOLUTION, DEPTHWISE).index(kind)
        fields = {0: index, 1: np.array(inputs, np.int32), 2: np.array([self.maps], np.int32), 4: options}
        self.operators.append(fields)


def small_teacher(random: np.random.Generator) -> bytes:
    model = Model(random)
    model.convolve(CONVOLUTION, (16, 3, 3, 3), 16, 2)
    first = model.maps
    model.convolve(DEPTHWISE, (1, 3, 3, 16), 16, 1)
    model.add(ADD, first)
    model.convolve(CONVOLUTION, (1280, 1, 1, 16), 1280, 1)
    model.add(AVERAGE_POOL)
    model.convolve(CONVOLUTION, (1001, 1, 1, 1280), 1001, 1)
    return model.written()


def small_images(random: np.random.Generator, count: int) -> np.ndarray:
    """uint8 [count, 64, 64, 3], red or blue, with noise."""
    images = random.integers(0, 100, (count, 64, 64, 3), np.uint8)
    images[::2, :, :, 0] += 150
    images[1::2, :, :, 2] += 150
    return images


folder, random = Path(sys.argv[1]), np.random.default_rng(0)
(folder / 'teacher.tflite').write_bytes(small_teacher(random))
np.save(folder / 'images.npy', small_images(random, 32))
