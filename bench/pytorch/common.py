"""The paper's networks in PyTorch: torchvision's DenseNet-121, our three heads, CIFAR-10's binary batches.

Used by the benchmarks beside it and by test/fixtures/make-fixtures.py.
"""
# requirements: torch==2.13.0 torchvision==0.28.0 safetensors numpy

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn


def import_densenet121():
    """torchvision's densenet121, also where torchvision's compiled operators do not load.

    torchvision registers shape rules for `nms` and `qnms` on import and fails if nothing defined them;
    DenseNet uses neither.
    """
    try:
        from torchvision.models import densenet121
    except RuntimeError:
        library = torch.library.Library('torchvision', 'DEF')
        for name in ('nms', 'qnms'):
            library.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        from torchvision.models import densenet121
    return densenet121


densenet121 = import_densenet121()

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
CLASSES = 10


class Dropout(nn.Module):
    """Dropout whose masks come from a generator of its own, so that a seed fixes them on every processor.

    `bernoulli_(keep)` draws the same masks where PyTorch uses its own kernel, but another stream, MKL's,
    on Intel processors.
    """

    def __init__(self, rate: float, seed: int = 0):
        super().__init__()
        self.keep = 1 - rate
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        mask = torch.rand(x.shape, dtype=torch.float64, generator=self.generator) < self.keep
        return x * (mask.to(x.dtype) / self.keep)


def flattened_size(image_size: int) -> int:
    """The backbone's last map, 1024 channels, as one row: the stem and pool0 round up, the transitions down."""
    side = -(-image_size // 2)
    side = -(-side // 2)
    return 1024 * (side // 8) ** 2


class Net(nn.Module):
    """A backbone and one of the paper's heads; `classifier` is named as torch-tl names it."""

    def __init__(self, experiment: str, image_size: int, seed: int = 0, classes: int = CLASSES):
        super().__init__()
        self.features = densenet121().features
        self.flattens = experiment == 'finetune'
        torch.manual_seed(seed)
        self._draw_defaults()
        self.classifier = make_head(experiment, image_size, classes, seed)
        self._draw_as_torchvision()

    def _draw_defaults(self) -> None:
        """Each convolution's default initial weights again, in the order in which they were made."""
        for module in self.features.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()

    def _draw_as_torchvision(self) -> None:
        """The loop at the end of torchvision's DenseNet; batch norms are 1 and 0 from the start."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def backbone(self, x: Tensor) -> Tensor:
        """`[n, 3, side, side]` preprocessed -> the last map after norm5 and ReLU, `[n, 1024, h, w]`."""
        return F.relu(self.features(x))

    def head(self, features: Tensor) -> Tensor:
        rows = features if self.flattens else F.adaptive_avg_pool2d(features, 1)
        return self.classifier(torch.flatten(rows, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


def make_head(experiment: str, image_size: int, classes: int, seed: int) -> nn.Module:
    """The layers after the pool or flatten; a single dense layer stands bare, as torchvision's does."""
    if experiment == 'base':
        return nn.Linear(1024, classes)
    if experiment == 'base-optimized':
        return nn.Sequential(
            nn.BatchNorm1d(1024),
            nn.Linear(1024, 256),
            nn.ReLU(),
            nn.Linear(256, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            Dropout(0.2, seed),
            nn.Linear(128, classes),
        )
    if experiment == 'finetune':
        size = flattened_size(image_size)
        return nn.Sequential(
            nn.BatchNorm1d(size),
            nn.Linear(size, 256),
            nn.ReLU(),
            nn.BatchNorm1d(256),
            nn.Linear(256, 128),
            nn.ReLU(),
            Dropout(0.2, seed),
            nn.Linear(128, classes),
        )
    raise ValueError(f"experiment must be base, base-optimized or finetune, not '{experiment}'")


def load_backbone(net: Net, path: Path) -> None:
    """Copies a safetensors file's `features.*` in; the file may lack num_batches_tracked only."""
    prefix = 'features.'
    tensors = {name[len(prefix) :]: t for name, t in load_file(path).items() if name.startswith(prefix)}
    missing, unexpected = net.features.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.endswith('num_batches_tracked')]
    if missing or unexpected:
        raise ValueError(f'{path}: missing {missing}, unexpected {unexpected}')


def read_batches(paths: list[Path]) -> tuple[Tensor, Tensor]:
    """CIFAR-10's binary batches: uint8 pixels `[n, 3, 32, 32]` and int64 labels `[n]`."""
    records = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073) for path in paths])
    pixels = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    return pixels, torch.from_numpy(records[:, 0].astype(np.int64))


def read_train(directory: Path) -> tuple[Tensor, Tensor]:
    return read_batches(sorted(directory.glob('data_batch_*.bin')))


def read_test(directory: Path) -> tuple[Tensor, Tensor]:
    return read_batches([directory / 'test_batch.bin'])


def preprocess(pixels: Tensor, image_size: int) -> Tensor:
    """uint8 `[n, 3, 32, 32]` -> float32 `[n, 3, size, size]`: bilinear, half-pixel centres, then normalised."""
    x = pixels.float() / 255
    x = F.interpolate(x, size=(image_size, image_size), mode='bilinear', align_corners=False, antialias=False)
    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def choose_precision(wanted: str) -> str:
    """`auto` is bf16 where the processor multiplies it natively (AVX512_BF16 or AMX), else fp32."""
    if wanted != 'auto':
        return wanted
    capabilities = torch.cpu.get_capabilities()
    native = capabilities.get('avx512_bf16', False) or capabilities.get('amx_bf16', False)
    return 'bf16' if native else 'fp32'


def benchmark_parser(description: str) -> ArgumentParser:
    """What every benchmark on a processor takes."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('--precision', choices=('auto', 'fp32', 'bf16'), default='auto')
    parser.add_argument('--threads', type=int, help='by default one a core')
    parser.add_argument('--seed', type=int, default=0)
    return parser


def add_images(parser: ArgumentParser, image_size: int) -> None:
    parser.add_argument('--data', type=Path, required=True, help='a directory of binary batches')
    parser.add_argument('--image-size', type=int, default=image_size)
    parser.add_argument('--batch-size', type=int, default=128)


def add_weights(parser: ArgumentParser) -> None:
    parser.add_argument('--weights', type=Path, required=True, help='safetensors of the backbone')


def parse_options(parser: ArgumentParser) -> Namespace:
    """Reads the command line, and sets the threads that it asks for."""
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    return options


def autocast(precision: str) -> torch.autocast:
    return torch.autocast('cpu', torch.bfloat16, enabled=precision == 'bf16')
