"""The frozen backbone in PyTorch, timed: from uint8 images to the flattened features of all of them.

naive: as most people write it, in fp32 and NCHW. tuned: channels_last, bf16 where the processor has it, inference
mode. compiled: the same by torch.compile with frozen weights, for which it needs a C++ compiler. For the latter two
raise MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ in the environment. One batch goes before, untimed. Prints one
line of JSON.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from common import (
    Net,
    add_images,
    add_weights,
    autocast,
    benchmark_parser,
    choose_precision,
    flattened_size,
    load_backbone,
    parse_options,
    preprocess,
    read_train,
)
from report import report

Backbone = Callable[[Tensor], Tensor]
Extract = Callable[[Tensor], Tensor]


def main() -> None:
    parser = benchmark_parser(__doc__)
    add_images(parser, image_size=155)
    add_weights(parser)
    parser.add_argument('--variant', choices=('naive', 'tuned', 'compiled'), required=True)
    parser.add_argument('--images', type=int, default=512, help='a multiple of the batch size')
    options = parse_options(parser)
    precision = 'fp32' if options.variant == 'naive' else choose_precision(options.precision)
    pixels = read_train(options.data)[0][: options.images]
    extract = extractor(frozen('base', options), precision, options)
    started = time.perf_counter()
    extract(pixels[: options.batch_size])
    first_ended = time.perf_counter()
    extract(pixels)
    ended = time.perf_counter()
    report(
        images_per_second=len(pixels) / (ended - first_ended),
        first_batch_seconds=first_ended - started,
        precision=precision,
        threads=torch.get_num_threads(),
        library=f'PyTorch {torch.__version__}',
    )


def extractor(net: Net, precision: str, options: argparse.Namespace) -> Extract:
    if options.variant == 'naive':
        return partial(naive_features, net, options=options)
    backbone = tuned(net, precision) if options.variant == 'tuned' else compiled(net, precision)
    return partial(extract_features, backbone, precision=precision, options=options)


def frozen(experiment: str, options: argparse.Namespace) -> Net:
    net = Net(experiment, options.image_size, options.seed)
    load_backbone(net, options.weights)
    net.features.eval().requires_grad_(False)
    return net


def naive_features(net: Net, pixels: Tensor, options: argparse.Namespace) -> Tensor:
    features = []
    with torch.no_grad():
        for batch in pixels.split(options.batch_size):
            features.append(net.backbone(preprocess(batch, options.image_size)).flatten(1))
    return torch.cat(features)


def tuned(net: Net, precision: str) -> Backbone:
    """Weights once in their layout and precision; batch norms keep float32, which mixes with bf16 images."""
    net.features.to(memory_format=torch.channels_last)
    if precision == 'bf16':
        for module in net.features.modules():
            if isinstance(module, nn.Conv2d):
                module.bfloat16()
    return net.backbone


def compiled(net: Net, precision: str) -> Backbone:
    """Frozen weights are constants: norms are folded, and weights packed and cast, when the first batch comes."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    net.features.to(memory_format=torch.channels_last)
    backbone = torch.compile(net.backbone)

    def forward(x: Tensor) -> Tensor:
        with autocast(precision):
            return backbone(x)

    return forward


def extract_features(backbone: Backbone, pixels: Tensor, precision: str, options: argparse.Namespace) -> Tensor:
    dtype = torch.bfloat16 if precision == 'bf16' else torch.float32
    # Made outside inference mode, so that training may save rows of it for the backward pass.
    cache = torch.empty(len(pixels), flattened_size(options.image_size), dtype=dtype)
    fill_features(cache, backbone, pixels, options)
    return cache


@torch.inference_mode()
def fill_features(cache: Tensor, backbone: Backbone, pixels: Tensor, options: argparse.Namespace) -> None:
    """Writes the flattened features of all images into `cache`, `[n, flattened size]`."""
    for start in range(0, len(pixels), options.batch_size):
        batch = slice(start, start + options.batch_size)
        x = preprocess(pixels[batch], options.image_size)
        x = x.to(cache.dtype).contiguous(memory_format=torch.channels_last)
        cache[batch] = backbone(x).flatten(1)


if __name__ == '__main__':
    main()
