"""Makes train_x.npy and val_x.npy, uint8 [n, 64, 64, 3], of Tiny ImageNet's folders.

    python scripts/backbone/pack.py FOLDER
"""
# requirements: numpy pillow

import sys
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert('RGB'))


for part in ('train', 'val'):
    files = sorted(file for file in (Path(sys.argv[1]) / part).rglob('*') if file.is_file())
    np.save(f'{part}_x.npy', np.stack([pixels(file) for file in files]))
