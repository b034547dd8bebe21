"""Prints what PyTorch makes of images with exported models: their probabilities, a list for each file, as JSON.

    python test/parity/exported_model.py HEAD IMAGE_SIZE PIXELS SIDE FILE...

A FILE is what torch-tl exported, .pth or .safetensors, of a model with this head (base, base-optimized or finetune);
PIXELS holds uint8 `[n, SIDE, SIDE, 3]` and nothing else.
"""
# requirements: torch==2.13.0 torchvision==0.28.0 safetensors numpy

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'bench' / 'pytorch'))
from common import Net, preprocess  # noqa: E402

BATCH = 50


def load(file: str) -> dict[str, torch.Tensor]:
    return load_file(file) if file.endswith('.safetensors') else torch.load(file, weights_only=True)


@torch.inference_mode()
def probabilities(net: Net, pixels: torch.Tensor, image_size: int) -> list[list[float]]:
    batches = [net(preprocess(batch, image_size)).softmax(1) for batch in pixels.split(BATCH)]
    return torch.cat(batches).tolist()


head, image_size, pixels_file, side, *files = sys.argv[1:]
image_size, side = int(image_size), int(side)
pixels = torch.from_numpy(np.fromfile(pixels_file, np.uint8).reshape(-1, side, side, 3)).movedim(3, 1)
answers = []
for file in files:
    net = Net(head, image_size).eval()
    net.load_state_dict(load(file))
    answers.append(probabilities(net, pixels, image_size))
print(json.dumps(answers))
