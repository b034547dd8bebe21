"""A model that `torch-tl export` wrote as ONNX, in ONNX Runtime, timed: from uint8 images to probabilities.

The images are enlarged beforehand, to the nearest pixel. One batch goes before, untimed. Prints one line of JSON.
"""
# requirements: onnxruntime numpy

import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import numpy as np
import onnxruntime

from report import report


def main() -> None:
    options = parse_options()
    session = open_session(options)
    images = enlarged(options)
    session.run(None, {'images': images[: options.batch_size]})
    seconds = []
    for start in range(0, len(images), options.batch_size):
        started = time.perf_counter()
        session.run(None, {'images': images[start : start + options.batch_size]})
        seconds.append(time.perf_counter() - started)
    report(
        images_per_second=len(images) / sum(seconds),
        batch_seconds=seconds,
        precision='fp32',
        library=f'ONNX Runtime {onnxruntime.__version__}',
    )


def parse_options() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('--model', type=Path, required=True)
    parser.add_argument('--data', type=Path, required=True, help='a directory of binary batches')
    parser.add_argument('--image-size', type=int, default=155)
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--images', type=int, default=512, help='a multiple of the batch size')
    parser.add_argument('--threads', type=int, default=0, help='by default one a core')
    return parser.parse_args()


def open_session(options: Namespace) -> onnxruntime.InferenceSession:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    return onnxruntime.InferenceSession(options.model, settings, providers=['CPUExecutionProvider'])


def enlarged(options: Namespace) -> np.ndarray:
    """uint8 `[n, side, side, 3]`"""
    records = np.fromfile(options.data / 'data_batch_1.bin', np.uint8).reshape(-1, 3073)[: options.images]
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    nearest = np.arange(options.image_size) * 32 // options.image_size
    return np.ascontiguousarray(images[:, nearest][:, :, nearest])


if __name__ == '__main__':
    main()
