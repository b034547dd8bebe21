"""Training steps of the paper's `base` experiment written well in PyTorch, timed.

channels_last, autocast to bf16 where the processor has it, fused Adam. Raise MALLOC_MMAP_THRESHOLD_ and
MALLOC_TRIM_THRESHOLD_ in the environment. Prints one line of JSON; the median leaves the first steps out.
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F

from common import Net, add_options, autocast, choose_precision, preprocess, read_train

WARM_UP = 2


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, image_size=64)
    parser.add_argument('--steps', type=int, default=10, help=f'timed, after {WARM_UP} that are not')
    return parser.parse_args()


def step_seconds(options: argparse.Namespace, precision: str) -> list[float]:
    """Seconds of each timed step, from uint8 pictures to updated weights."""
    pixels, labels = read_train(options.data)
    net = Net('base', options.image_size).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    shuffle = torch.Generator().manual_seed(0)
    seconds = []
    for _ in range(WARM_UP + options.steps):
        indices = torch.randperm(len(labels), generator=shuffle)[: options.batch_size]
        started = time.perf_counter()
        x = preprocess(pixels[indices], options.image_size).contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad()
        with autocast(precision):
            logits = net(x)
        loss = F.cross_entropy(logits.float(), labels[indices])
        loss.backward()
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - started)
    return seconds[WARM_UP:]


def main() -> None:
    options = parse_options()
    precision = choose_precision(options.precision)
    median = statistics.median(step_seconds(options, precision))
    report = {
        'seconds_per_step': median,
        'images_per_second': options.batch_size / median,
        'steps': options.steps,
        'image_size': options.image_size,
        'batch_size': options.batch_size,
        'threads': torch.get_num_threads(),
        'precision': precision,
    }
    print(json.dumps(report))


if __name__ == '__main__':
    main()
