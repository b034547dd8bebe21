"""The network that learns: DenseNet-121, by PyTorch or by the engine's executors, and two linear layers."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.append(str(Path(__file__).resolve().parents[2] / 'bench' / 'pytorch'))
from common import MEAN, STD, densenet121  # noqa: E402

FEATURES, LOGITS, TEACHERS_FEATURES = 1024, 1001, 1280
FRONT = ('conv0', 'norm0', 'denseblock1', 'transition1')  # nearly half of the multiplications


class PlainBackbone:
    """DenseNet-121 by PyTorch's operators; in bfloat16 on a GPU, in float32 on a CPU."""

    def __init__(self, device: str) -> None:
        network = nn.ModuleDict({'features': densenet121().features})
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.front = [network['features'].get_submodule(name) for name in FRONT]
        self.front_trains = True
        self.device = device

    def tensors(self) -> dict[str, Tensor]:
        named = [*self.network.named_parameters(), *self.network.named_buffers()]
        return {name: tensor for name, tensor in named if tensor.is_floating_point()}

    def pooled(self, images: Tensor, training: bool) -> Tensor:
        self.network.train(training)
        for layer in self.front:
            layer.train(training and self.front_trains)
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device != 'cpu'):
            return F.relu(self.network['features'](images)).mean((2, 3)).float()

    def let_front_train(self, trains: bool) -> None:
        self.front_trains = trains
        for layer in self.front:
            layer.requires_grad_(trains)

    def changed(self) -> None:
        """Nothing is kept that depends on the tensors."""


class ExecutorBackbone:
    """DenseNet-121 by the engine's executors (executors.cc): on a CPU, in bfloat16."""

    def __init__(self, library: str) -> None:
        torch.classes.load_library(library)
        self.network = torch.classes.torch_tl.Backbone(torch.initial_seed() % 2**31)

    def tensors(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.network.tensors() if tensor.is_floating_point()}

    def pooled(self, images: Tensor, training: bool) -> Tensor:
        return self.network.features(images, training, True).mean((2, 3), dtype=torch.float32)

    def let_front_train(self, trains: bool) -> None:
        for name in FRONT:
            self.network.set_trainable(f'features.{name}', trains)

    def changed(self) -> None:
        self.network.changed()


class Student:
    """A backbone, and linear layers from its pooled features to ImageNet's logits and the teacher's features."""

    def __init__(self, device: str, executors: str | None = None) -> None:
        self.backbone = ExecutorBackbone(executors) if executors else PlainBackbone(device)
        heads = {'logits': nn.Linear(FEATURES, LOGITS), 'project': nn.Linear(FEATURES, TEACHERS_FEATURES)}
        self.heads = nn.ModuleDict(heads).to(device)
        self.mean = torch.tensor(MEAN, device=device).view(1, 3, 1, 1)
        self.std = torch.tensor(STD, device=device).view(1, 3, 1, 1)

    def pooled(self, images: Tensor, training: bool) -> Tensor:
        """Images [n, 3, h, w] in 0..1 -> pooled features float32 [n, 1024]."""
        return self.backbone.pooled((images - self.mean) / self.std, training)

    def __call__(self, images: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """Images [n, 3, h, w] in 0..1 -> logits [n, 1001], the teacher's features [n, 1280]."""
        features = self.pooled(images, training)
        return self.heads['logits'](features), self.heads['project'](features)

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and running statistics; those of the backbone under torchvision's names."""
        return {**self.backbone.tensors(), **dict(self.heads.named_parameters())}

    def let_front_train(self, trains: bool) -> None:
        """Has the first sections train, or freezes them, which spares their backward pass."""
        self.backbone.let_front_train(trains)

    def load(self, values: dict[str, Tensor]) -> None:
        """Copies in the values of all tensors that have a name among them."""
        with torch.no_grad():
            for name, tensor in self.tensors().items():
                if name in values:
                    tensor.copy_(values[name])
        self.backbone.changed()
