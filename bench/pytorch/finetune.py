"""The paper's `finetune` experiment written well in PyTorch, timed; `--naive` as most people write it.

Well: channels_last, bf16 where the processor has it, features computed once in inference mode, fused Adam.
Raise MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ in the environment, or page faults take most of the time.
Prints one line of JSON.
"""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common import (
    Net,
    add_options,
    autocast,
    choose_precision,
    flattened_size,
    load_backbone,
    preprocess,
    read_test,
    read_train,
)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, image_size=155)
    parser.add_argument('--weights', type=Path, required=True, help='safetensors of the backbone')
    parser.add_argument('--epochs', type=int, default=32)
    parser.add_argument('--lr', type=float, default=1e-3)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--limit', type=int, help='the first N pictures of each set only')
    parser.add_argument('--fixed-schedule', action='store_true', help='a constant rate, and every epoch')
    parser.add_argument('--naive', action='store_true', help='fp32, NCHW, no cache: times the frozen forward only')
    return parser.parse_args()


def frozen(options: argparse.Namespace) -> Net:
    net = Net('finetune', options.image_size, options.seed)
    load_backbone(net, options.weights)
    net.features.eval().requires_grad_(False)
    return net


def prepare_backbone(net: Net, precision: str) -> None:
    """Weights once in their layout and precision; batch norms keep float32, which mixes with bf16 pictures."""
    net.features.to(memory_format=torch.channels_last)
    if precision == 'bf16':
        for module in net.features.modules():
            if isinstance(module, nn.Conv2d):
                module.bfloat16()


@torch.inference_mode()
def fill_features(cache: Tensor, net: Net, pixels: Tensor, options: argparse.Namespace) -> None:
    """Writes the flattened features of all pictures into `cache`, `[n, flattened size]`."""
    for start in range(0, len(pixels), options.batch_size):
        batch = slice(start, start + options.batch_size)
        x = preprocess(pixels[batch], options.image_size)
        x = x.to(cache.dtype).contiguous(memory_format=torch.channels_last)
        cache[batch] = net.backbone(x).flatten(1)


def extract_features(net: Net, pixels: Tensor, precision: str, options: argparse.Namespace) -> Tensor:
    dtype = torch.bfloat16 if precision == 'bf16' else torch.float32
    # Made outside inference mode, so that training may save rows of it for the backward pass.
    cache = torch.empty(len(pixels), flattened_size(options.image_size), dtype=dtype)
    fill_features(cache, net, pixels, options)
    return cache


def train_epoch(head, optimizer, features: Tensor, labels: Tensor, order: Tensor, precision: str, batch_size: int):
    head.train()
    for indices in order.split(batch_size):
        optimizer.zero_grad()
        with autocast(precision):
            logits = head(features[indices])
        F.cross_entropy(logits.float(), labels[indices]).backward()
        optimizer.step()


@torch.inference_mode()
def validate(head, features: Tensor, labels: Tensor, precision: str, batch_size: int) -> tuple[float, float]:
    """Mean loss and accuracy."""
    head.eval()
    loss, correct = 0.0, 0
    for x, y in zip(features.split(batch_size), labels.split(batch_size), strict=True):
        with autocast(precision):
            logits = head(x).float()
        loss += F.cross_entropy(logits, y, reduction='sum').item()
        correct += (logits.argmax(1) == y).sum().item()
    return loss / len(labels), correct / len(labels)


class EarlyStopping:
    """Keras': stops once the validation loss has not fallen by 1e-5 for fifteen epochs."""

    def __init__(self):
        self.best, self.waited = math.inf, 0

    def stops(self, loss: float) -> bool:
        self.waited = 0 if loss < self.best - 1e-5 else self.waited + 1
        self.best = loss if self.waited == 0 else self.best
        return self.waited >= 15


def train_head(net: Net, train, valid, precision: str, options: argparse.Namespace) -> tuple[float, int]:
    """The best validation accuracy, and how many epochs ran; the best epoch's head is kept, as torch-tl does."""
    head = net.classifier
    optimizer = torch.optim.Adam(head.parameters(), lr=options.lr, fused=True)
    # Keras counts the epoch that runs out of patience, PyTorch the one after.
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.1, patience=4, threshold=1e-4, threshold_mode='abs', min_lr=1e-5
    )
    early_stopping = EarlyStopping()
    shuffle = torch.Generator().manual_seed(options.seed)
    best, best_head = (-1.0, 0.0), None
    for epoch in range(1, options.epochs + 1):
        order = torch.randperm(len(train[1]), generator=shuffle)
        train_epoch(head, optimizer, *train, order, precision, options.batch_size)
        loss, accuracy = validate(head, *valid, precision, options.batch_size)
        if (accuracy, -loss) > best:
            best, best_head = (accuracy, -loss), copy.deepcopy(head.state_dict())
        if options.fixed_schedule:
            continue
        plateau.step(loss)
        if early_stopping.stops(loss):
            break
    head.load_state_dict(best_head)
    return best[0], epoch


def run_well(options: argparse.Namespace) -> dict:
    precision = choose_precision(options.precision)
    started = time.perf_counter()
    train, valid = read_train(options.data), read_test(options.data)
    train, valid = ([tensor[: options.limit] for tensor in data] for data in (train, valid))
    net = frozen(options)
    prepare_backbone(net, precision)
    features_started = time.perf_counter()
    train[0], valid[0] = (extract_features(net, data[0], precision, options) for data in (train, valid))
    head_started = time.perf_counter()
    best_accuracy, epochs = train_head(net, train, valid, precision, options)
    ended = time.perf_counter()
    features_seconds = head_started - features_started
    return {
        'features_seconds': features_seconds,
        'head_seconds': ended - head_started,
        'total_seconds': ended - started,
        'images_per_second': (len(train[1]) + len(valid[1])) / features_seconds,
        'best_accuracy': best_accuracy,
        'epochs': epochs,
        'threads': torch.get_num_threads(),
        'precision': precision,
    }


def run_naive(options: argparse.Namespace) -> dict:
    """What each of the epochs would repeat."""
    net = frozen(options)
    pixels = read_train(options.data)[0][: options.limit]
    started = time.perf_counter()
    with torch.no_grad():
        for batch in pixels.split(options.batch_size):
            net.backbone(preprocess(batch, options.image_size))
    seconds = time.perf_counter() - started
    return {'images_per_second': len(pixels) / seconds, 'threads': torch.get_num_threads(), 'precision': 'fp32'}


if __name__ == '__main__':
    options = parse_options()
    print(json.dumps(run_naive(options) if options.naive else run_well(options)))
