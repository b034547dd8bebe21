"""MobileNetV2, trained on ImageNet by TensorFlow's authors with 8-bit weights, as a PyTorch module."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from tflite import Layer, read_layers
from torch import Tensor, nn


def same_padding(sides: Sequence[int], kernel: int, stride: int) -> tuple[int, int, int, int]:
    """TensorFlow's SAME padding of maps of height and width `sides`, for F.pad: odd pixels go right, below."""
    height, width = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in sides)
    return width // 2, width - width // 2, height // 2, height - height // 2


class Convolution(nn.Module):
    """[n, channels, h, w] -> [n, out, h / stride, w / stride], from a layer of the file."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        weight, bias = (torch.from_numpy(values) for values in layer.constants)
        self.stride, self.relu6, self.groups = layer.stride, layer.relu6, 1
        if layer.operator == 'depthwise convolution':
            self.groups = weight.shape[-1]
            weight = weight.permute(3, 0, 1, 2)  # from [1, h, w, channels]
        else:
            weight = weight.permute(0, 3, 1, 2)  # from [out, h, w, channels]
        self.register_buffer('weight', weight.contiguous())
        self.register_buffer('bias', bias)

    def forward(self, maps: Tensor) -> Tensor:
        padding = same_padding(maps.shape[2:], self.weight.shape[-1], self.stride)
        if any(padding):
            maps = F.pad(maps, padding)
        maps = F.conv2d(maps, self.weight, self.bias, self.stride, groups=self.groups)
        return maps.clamp(0, 6) if self.relu6 else maps


class Teacher(nn.Module):
    """Images [n, 3, h, w] in 0..1, of sides from 96 up -> pooled features float32 [n, 1280]."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.input, layers = read_layers(file)
        pool = next(i for i, layer in enumerate(layers) if layer.operator == 'average pool')
        self.layers = layers[:pool]
        self.convolutions = nn.ModuleDict(
            {str(layer.output): Convolution(layer) for layer in self.layers if layer.constants}
        )
        self.classifier = Convolution(next(layer for layer in layers[pool:] if layer.constants))

    def forward(self, images: Tensor) -> Tensor:
        maps = {self.input: images * 2 - 1}
        for layer in self.layers:
            inputs = [maps[i] for i in layer.inputs]
            if layer.operator == 'add':
                maps[layer.output] = inputs[0] + inputs[1]
            else:
                maps[layer.output] = self.convolutions[str(layer.output)](inputs[0])
        return maps[layer.output].mean((2, 3)).float()

    def logits(self, features: Tensor) -> Tensor:
        """Pooled features [n, 1280] -> logits [n, 1001]: a background class, then ImageNet's."""
        return F.linear(features, self.classifier.weight.flatten(1), self.classifier.bias)
