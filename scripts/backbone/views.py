"""Random views of images."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def random_boxes(random: np.random.Generator, count: int, smallest: float) -> np.ndarray:
    """Boxes of `smallest` to 1 of an image's area, float32 [count, 2, 3]: affine maps from a view to its image."""
    area = random.uniform(smallest, 1, count)
    ratio = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3), count))
    width, height = np.sqrt(area * ratio).clip(0, 1), np.sqrt(area / ratio).clip(0, 1)
    boxes = np.zeros((count, 2, 3), np.float32)
    boxes[:, 0, 0], boxes[:, 0, 2] = width, random.uniform(width - 1, 1 - width)
    boxes[:, 1, 1], boxes[:, 1, 2] = height, random.uniform(height - 1, 1 - height)
    return boxes


def mirrored(random: np.random.Generator, boxes: np.ndarray) -> np.ndarray:
    """The boxes, about half of them as in a mirror."""
    boxes = boxes.copy()
    boxes[:, 0, 0] *= random.choice([-1, 1], len(boxes))
    return boxes


def look(images: Tensor, boxes: np.ndarray, size: int) -> Tensor:
    """What the boxes hold of images uint8 [n, 3, h, w]: float32 [n, 3, size, size] in 0..1."""
    maps = torch.from_numpy(boxes).to(images.device)
    grid = F.affine_grid(maps, [len(images), 3, size, size], align_corners=False)
    return F.grid_sample(images.float() / 255, grid, align_corners=False, padding_mode='reflection')


def resized(images: Tensor, size: int) -> Tensor:
    """[n, 3, side, side] -> [n, 3, size, size], bilinear."""
    smaller = images.shape[-1] > size
    return F.interpolate(images, size=(size, size), mode='bilinear', antialias=smaller, align_corners=False)


def partly_shrunk(random: np.random.Generator, views: Tensor, share: float, sides: tuple[int, int]) -> Tensor:
    """The views, this share of them shrunk to a side between `sides` and enlarged again."""
    side, count = int(random.integers(sides[0], sides[1] + 1)), round(share * len(views))
    if count == 0 or side >= views.shape[-1]:
        return views
    return torch.cat([resized(resized(views[:count], side), views.shape[-1]), views[count:]])
