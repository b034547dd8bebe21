"""The paper's `finetune` experiment written well in PyTorch, timed.

Well: channels_last, bf16 where the processor has it, features computed once in inference mode, fused Adam.
Raise MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ in the environment, or page faults take most of the time.
Prints one line of JSON; as in torch-tl's results, reading files and building the network are not in its times.
"""

import argparse
import copy
import math
import time

import torch
import torch.nn.functional as F
from torch import Tensor

from common import (
    Net,
    add_images,
    add_weights,
    autocast,
    benchmark_parser,
    choose_precision,
    parse_options,
    read_test,
    read_train,
)
from features import extract_features, frozen, tuned
from report import report


def main() -> None:
    parser = benchmark_parser(__doc__)
    add_images(parser, image_size=155)
    add_weights(parser)
    parser.add_argument('--epochs', type=int, default=32)
    parser.add_argument('--lr', type=float, default=1e-3)
    parser.add_argument('--limit', type=int, help='the first N images of each set only')
    parser.add_argument('--fixed-schedule', action='store_true', help='a constant rate, and every epoch')
    run(parse_options(parser))


def run(options: argparse.Namespace) -> None:
    precision = choose_precision(options.precision)
    train, valid = read_train(options.data), read_test(options.data)
    train, valid = ([tensor[: options.limit] for tensor in data] for data in (train, valid))
    net = frozen('finetune', options)
    backbone = tuned(net, precision)
    started = time.perf_counter()
    train[0], valid[0] = (extract_features(backbone, data[0], precision, options) for data in (train, valid))
    head_started = time.perf_counter()
    best_accuracy, epochs = train_head(net, train, valid, precision, options)
    ended = time.perf_counter()
    features_seconds = head_started - started
    report(
        features_seconds=features_seconds,
        head_seconds=ended - head_started,
        total_seconds=ended - started,
        images_per_second=(len(train[1]) + len(valid[1])) / features_seconds,
        best_accuracy=best_accuracy,
        epochs=epochs,
        precision=precision,
        threads=torch.get_num_threads(),
        library=f'PyTorch {torch.__version__}',
    )


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


if __name__ == '__main__':
    main()
