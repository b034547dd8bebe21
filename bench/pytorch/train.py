"""Training steps of the paper's `base` experiment in PyTorch, timed: written well, or as most people write it.

Well: channels_last, autocast to bf16 where the processor has it, fused Adam; raise MALLOC_MMAP_THRESHOLD_ and
MALLOC_TRIM_THRESHOLD_ in the environment. `--naive`: fp32, NCHW, plain Adam. Prints one line of JSON; the median
leaves the first steps out.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from common import (
    Net,
    add_images,
    autocast,
    benchmark_parser,
    choose_precision,
    parse_options,
    preprocess,
    read_train,
)
from report import report

WARM_UP = 2


def main() -> None:
    parser = benchmark_parser(__doc__)
    add_images(parser, image_size=64)
    parser.add_argument('--steps', type=int, default=10, help=f'timed, after {WARM_UP} that are not')
    parser.add_argument('--naive', action='store_true')
    options = parse_options(parser)
    precision = 'fp32' if options.naive else choose_precision(options.precision)
    median = statistics.median(step_seconds(options, precision))
    report(
        seconds_per_step=median,
        images_per_second=options.batch_size / median,
        precision=precision,
        threads=torch.get_num_threads(),
        library=f'PyTorch {torch.__version__}',
    )


def step_seconds(options: argparse.Namespace, precision: str) -> list[float]:
    """Seconds of each timed step, from uint8 images to updated weights."""
    layout = torch.contiguous_format if options.naive else torch.channels_last
    pixels, labels = read_train(options.data)
    net = Net('base', options.image_size, options.seed).to(memory_format=layout).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=not options.naive)
    shuffle = torch.Generator().manual_seed(options.seed)
    seconds = []
    for _ in range(WARM_UP + options.steps):
        indices = torch.randperm(len(labels), generator=shuffle)[: options.batch_size]
        started = time.perf_counter()
        x = preprocess(pixels[indices], options.image_size).contiguous(memory_format=layout)
        optimizer.zero_grad()
        with autocast(precision):
            logits = net(x)
        loss = F.cross_entropy(logits.float(), labels[indices])
        loss.backward()
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - started)
    return seconds[WARM_UP:]


if __name__ == '__main__':
    main()
