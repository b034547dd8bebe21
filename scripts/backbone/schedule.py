"""Sizes of images and learning rates over the training."""

from dataclasses import dataclass


def read_phases(text: str) -> list[tuple[float, list[int]]]:
    """'0:64,80 0.5:96' -> [(0.0, [64, 80]), (0.5, [96])]"""
    phases = [phase.split(':') for phase in text.split()]
    return [(float(begin), [int(size) for size in sizes.split(',')]) for begin, sizes in phases]


@dataclass
class Schedule:
    """What holds at a share, 0 to 1, of the training."""

    phases: list[tuple[float, list[int]]]  # the sizes from each share on
    peak: float
    flat: float
    warmup: int
    batch: int

    def sizes(self, share: float) -> list[int]:
        """Sides of images in pixels, to draw from."""
        return [sizes for begin, sizes in self.phases if begin <= share][-1]

    def batch_at(self, size: int) -> int:
        """Images in a batch: about as many pixels at each size, but 32 images, which norms need."""
        return min(self.batch, max(round(self.batch * (64 / size) ** 2 / 16) * 16, 32))

    def rate(self, share: float, step: int, batch: int) -> float:
        """The learning rate of a step, counted from 0: rises, stays until `flat`, then falls to 0 in a line."""
        rising = min(1.0, (step + 1) / self.warmup)
        falling = min(1.0, (1 - share) / (1 - self.flat))
        return self.peak * rising * falling * (batch / self.batch) ** 0.5
