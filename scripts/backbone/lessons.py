"""What the teacher said about views of the training images, kept so that it need not see them again."""

from pathlib import Path

import numpy as np


class Lessons:
    """The newest `capacity` views with the teacher's pooled features, in three files of a folder."""

    def __init__(self, folder: Path, capacity: int, count: int = 0) -> None:
        """`count` is how many were added before, by earlier processes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.count, self.capacity = count, capacity
        self.images = self._open(folder / 'images', np.int32, ())
        self.boxes = self._open(folder / 'boxes', np.float32, (2, 3))
        self.features = self._open(folder / 'features', np.float16, (1280,))

    def add(self, images: np.ndarray, boxes: np.ndarray, features: np.ndarray) -> None:
        """Adds views: indices of images [n], their boxes [n, 2, 3], and the features [n, 1280]."""
        at = (self.count + np.arange(len(images))) % self.capacity
        self.images[at], self.boxes[at], self.features[at] = images, boxes, features
        self.count += len(images)

    def draw(self, random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Some of the views kept, at random, as `add` takes them."""
        at = random.choice(min(self.count, self.capacity), count, replace=False)
        return self.images[at], self.boxes[at], self.features[at].astype(np.float32)

    def _open(self, file: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
        return np.memmap(file, dtype, 'r+' if file.exists() else 'w+', shape=(self.capacity, *shape))
