"""The processor's peak, in operations a second: the fastest of a few products of large square matrices.

Measured in float32, and in bfloat16 where the processor multiplies in it. Prints one line of JSON, the peaks by
precision.
"""

import time

import torch

from common import benchmark_parser, choose_precision, parse_options
from report import report

SIDE = 2048
PRODUCTS = 8


def peak(dtype: torch.dtype) -> float:
    a, b = torch.randn(SIDE, SIDE).to(dtype), torch.randn(SIDE, SIDE).to(dtype)
    out = torch.empty_like(a)
    seconds = []
    for _ in range(PRODUCTS):
        started = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - started)
    return 2 * SIDE**3 / min(seconds)


def main() -> None:
    parse_options(benchmark_parser(__doc__))
    peaks = {'fp32': peak(torch.float32)}
    if choose_precision('auto') == 'bf16':
        peaks['bf16'] = peak(torch.bfloat16)
    report(**peaks)


if __name__ == '__main__':
    main()
