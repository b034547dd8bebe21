"""The paper's `base` training and the frozen backbone on a GPU in PyTorch, timed: images a second, peak memory.

From uint8 images on the GPU to updated weights (or features), as torch-tl does it. Prints one line of JSON: a
list of measurements, for each variant training and features in batches of each size, and the milliseconds of one
image. `--variants` names how PyTorch is used, and whether cuDNN tries its algorithms out. `--device cpu` tries it out.
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F

from common import MEAN, STD, Net

WARM_UP = 10

VARIANTS = {
    'eager fp32': {'precision': 'fp32'},
    'eager bf16': {'precision': 'bf16', 'channels_last': True},
    'eager bf16, cudnn.benchmark': {'precision': 'bf16', 'channels_last': True, 'benchmark': True},
    'compiled bf16': {'precision': 'bf16', 'channels_last': True, 'compiled': True},
}


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--image-size', type=int, default=155)
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=[128])
    parser.add_argument('--device', default='cuda')
    parser.add_argument('--steps', type=int, default=20, help=f'timed, after {WARM_UP} that are not')
    parser.add_argument('--work', nargs='+', choices=('train', 'features', 'latency'), default=['train', 'features', 'latency'])
    parser.add_argument('--variants', nargs='+', choices=list(VARIANTS), default=list(VARIANTS))
    return parser.parse_args()


class Timed:
    """A network on the GPU and one batch of images."""

    def __init__(self, options, work, size, precision, channels_last=False, benchmark=False, compiled=False):
        torch.backends.cudnn.benchmark = benchmark
        device = options.device
        self.options, self.bf16, self.trains = options, precision == 'bf16', work == 'train'
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        generator = torch.Generator(device).manual_seed(0)
        self.pixels = torch.randint(0, 256, (size, 3, 32, 32), device=device, dtype=torch.uint8, generator=generator)
        self.labels = torch.randint(0, 10, (size,), device=device, generator=generator)
        self.scale = torch.tensor(STD, device=device).view(1, 3, 1, 1)
        self.shift = torch.tensor(MEAN, device=device).view(1, 3, 1, 1)
        self.net = Net('base', options.image_size).to(device).to(memory_format=self.format)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, fused=True)
        forward = self.net if self.trains else self.net.backbone
        self.forward = torch.compile(forward, mode='max-autotune') if compiled else forward
        self.net.train(self.trains)

    def images(self):
        side = self.options.image_size
        x = F.interpolate(self.pixels.float() / 255, size=(side, side), mode='bilinear', align_corners=False)
        return ((x - self.shift) / self.scale).contiguous(memory_format=self.format)

    def step(self):
        with torch.autocast(self.options.device, torch.bfloat16, enabled=self.bf16):
            if not self.trains:
                with torch.no_grad():
                    return self.forward(self.images())
            logits = self.forward(self.images())
        loss = F.cross_entropy(logits.float(), self.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def measure(options: argparse.Namespace, name: str, work: str, size: int) -> dict:
    on_gpu = options.device != 'cpu'
    synchronize = torch.cuda.synchronize if on_gpu else lambda: None
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    timed = Timed(options, work, size, **VARIANTS[name])
    started = time.perf_counter()
    for _ in range(min(WARM_UP, options.steps)):
        timed.step()
    synchronize()
    warm_up = time.perf_counter() - started
    seconds = []
    for _ in range(options.steps):
        started = time.perf_counter()
        timed.step()
        synchronize()
        seconds.append(time.perf_counter() - started)
    step = statistics.median(seconds)
    return {
        'variant': name,
        'work': work,
        'batch_size': size,
        'images_per_second': round(size / step, 1),
        'milliseconds': 1000 * step,
        'peak_gigabytes': round(torch.cuda.max_memory_reserved() / 1e9, 2) if on_gpu else None,
        'warm_up_seconds': round(warm_up, 1),
    }


def main() -> None:
    options = parse_options()
    rows = []
    for name in options.variants:
        for work in options.work:
            for size in [1] if work == 'latency' else options.batch_sizes:
                rows.append(measure(options, name, work, size))
                torch._dynamo.reset()
    print(json.dumps(rows))


if __name__ == '__main__':
    main()
