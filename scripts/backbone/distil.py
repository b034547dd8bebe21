"""Distils the teacher into DenseNet-121 over Tiny ImageNet's images. README.md beside it has the steps.

    python scripts/backbone/distil.py [--help]
"""
# requirements: torch==2.13.0 torchvision==0.28.0 safetensors numpy

import json
import signal
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from lessons import Lessons
from options import read_options
from safetensors.torch import load_file, save_file
from schedule import Schedule, read_phases
from student import MEAN, STD, Student
from teacher import Teacher
from torch import Tensor, nn
from views import look, mirrored, partly_shrunk, random_boxes, resized

SOURCE = (
    'Tiny ImageNet, 50,000 images, distilled from MobileNetV2 1.0 at 224 pixels by The TensorFlow Authors (Apache-2.0)'
)
HELD_OUT = 1000
SPREAD = 2000
AVERAGED = 4  # steps between two updates of the moving average


def read_images(file: Path, device: str) -> Tensor:
    """uint8 [n, h, w, 3] in a file -> [n, 3, h, w] on the device."""
    return torch.from_numpy(np.load(file)).permute(0, 3, 1, 2).contiguous().to(device)


def some(images: Tensor, count: int) -> Tensor:
    """About so many of the images, evenly."""
    return images[:: -(-len(images) // count)]


def make_optimizer(parameters: list[Tensor], options: Namespace) -> torch.optim.Optimizer:
    weights = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [{'params': weights}, {'params': others, 'weight_decay': 0.0}]
    return torch.optim.AdamW(groups, lr=options.rate, weight_decay=options.weight_decay, fused=True)


class Instruction:
    """The teacher, and lessons from it: views of images with its pooled features."""

    def __init__(
        self, options: Namespace, teacher: nn.Module, images: Tensor, random: np.random.Generator, taught: int
    ) -> None:
        """Images are uint8 [n, 3, h, w]; `taught` is the number of lessons that earlier processes kept."""
        self.options, self.images, self.random = options, images, random
        self.device = images.device.type
        self.teacher = teacher.to(self.device).to(memory_format=torch.channels_last).eval()
        self.kept = Lessons(options.lessons, options.capacity, taught)
        self.order = np.array([], np.int64)

    def features(self, views: Tensor) -> Tensor:
        """The teacher's pooled features float32 [n, 1280] of views [n, 3, h, w] in 0..1."""
        parts = []
        for part in views.split(64):
            with torch.no_grad(), torch.autocast(self.device, torch.bfloat16):
                parts.append(self.teacher(part.contiguous(memory_format=torch.channels_last)).float())
        return torch.cat(parts)

    def features_of_whole(self, images: Tensor) -> Tensor:
        """Likewise, of whole images uint8 [n, 3, h, w]."""
        parts = [self.features(resized(p.float() / 255, self.options.teacher_size)) for p in images.split(64)]
        return torch.cat(parts)

    def lesson(self, count: int) -> tuple[Tensor, np.ndarray, Tensor]:
        """Images uint8 [count, 3, h, w], boxes [count, 2, 3] and features [count, 1280], new or kept ones."""
        if self.kept.count >= self.options.first and self.random.random() >= self.options.fresh:
            indices, boxes, features = self.kept.draw(self.random, count)
            return self._images(indices), boxes, torch.from_numpy(features).to(self.device)
        indices, boxes = self._next(count), random_boxes(self.random, count, self.options.smallest)
        images = self._images(indices)
        features = self.features(look(images, boxes, self.options.teacher_size))
        self.kept.add(indices, boxes, features.cpu().numpy())
        return images, boxes, features

    def _images(self, indices: np.ndarray) -> Tensor:
        return self.images[torch.from_numpy(indices.astype(np.int64)).to(self.device)]

    def _next(self, count: int) -> np.ndarray:
        """Indices of the next images in a random order of all."""
        if len(self.order) < count:
            self.order = np.concatenate([self.order, self.random.permutation(len(self.images))])
        taken, self.order = self.order[:count], self.order[count:]
        return taken


class Distillation:
    """A student, its optimizer and its moving average, and where the training is."""

    def __init__(self, options: Namespace, teacher: nn.Module) -> None:
        self.options = options
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
        seed = time.time_ns() % 2**31
        torch.manual_seed(seed)
        self.random = np.random.default_rng(seed)
        self.student, self.judged = (Student(device, options.executors) for _ in range(2))
        self.tensors = self.student.tensors()
        self.parameters = [tensor for tensor in self.tensors.values() if tensor.requires_grad]
        self.optimizer = make_optimizer(self.parameters, options)
        phases = read_phases(options.sizes)
        self.schedule = Schedule(phases, options.rate, options.flat, options.warmup, options.batch)
        self.shrunk = tuple(int(side) for side in options.shrunk.split(','))
        state = torch.load(options.checkpoint, map_location=device) if options.checkpoint.exists() else {}
        self.step, self.seen = state.get('step', 0), state.get('seen', 0)
        images = read_images(options.images, device)
        self.instruction = Instruction(options, teacher, images, self.random, state.get('taught', 0))
        self.held_out = some(read_images(options.held_out, device), HELD_OUT)
        self.held_out_features = self.instruction.features_of_whole(self.held_out)
        if state:
            self._restore(state)
        else:
            self._begin(images)

    def run(self) -> None:
        """Trains until the time or the steps are over, or until SIGTERM; saves now and then, and at the end."""
        ends = []
        signal.signal(signal.SIGTERM, lambda *_: ends.append(True))
        start = saved = time.time()
        first, last, recent = self.seen, self.step + self.options.steps, []
        while (passed := (time.time() - start) / 60 / self.options.minutes) < 1 and self.step < last and not ends:
            share = self.options.begin + (1 - self.options.begin) * passed
            recent.append(self.train(share))
            if self.step % 50 == 0 or self.step == last:
                speed = (self.seen - first) / (time.time() - start)
                self._log_losses(recent, share, speed)
                recent = []
            if time.time() - saved > 60 * self.options.save_minutes:
                self.save()
                saved = time.time()
        self.save()

    def train(self, share: float) -> tuple[float, float]:
        """One step, at this share of the training; returns both losses."""
        size = int(self.random.choice(self.schedule.sizes(share)))
        batch = self.schedule.batch_at(size)
        for group in self.optimizer.param_groups:
            group['lr'] = self.schedule.rate(share, self.step, batch)
        images, boxes, features = self.instruction.lesson(batch)
        views = look(images, mirrored(self.random, boxes), size)
        views = partly_shrunk(self.random, views, self.options.shrink, self.shrunk)
        self.student.let_front_train(self.random.random() < self.options.front)
        self.optimizer.zero_grad(set_to_none=True)
        divergence, distance = self.losses(self.student(views, training=True), features)
        (divergence + self.options.feature_weight * distance).backward()
        nn.utils.clip_grad_norm_(self.parameters, 5.0, foreach=True)
        self.optimizer.step()
        self.step, self.seen = self.step + 1, self.seen + batch
        if self.step % AVERAGED == 0:
            self._update_average()
        return divergence.item(), distance.item()

    def losses(self, answer: tuple[Tensor, Tensor], features: Tensor) -> tuple[Tensor, Tensor]:
        """How far the student's logits and features are from the teacher's features [n, 1280].

        First the Kullback-Leibler divergence of the classes, then 1 - cosine of the standardised features.
        """
        logits, projected = answer
        mean, deviation = self.spread
        wanted = F.log_softmax(self.instruction.teacher.logits(features), 1)
        divergence = F.kl_div(F.log_softmax(logits, 1), wanted, reduction='batchmean', log_target=True)
        return divergence, 1 - F.cosine_similarity(projected, (features - mean) / deviation).mean()

    def judge(self, size: int = 64) -> dict[str, float]:
        """The share of held-out images that the average gives the teacher's class, and the features' cosine."""
        self.judged.load(self.average)
        with torch.no_grad():
            parts = [self.judged(resized(p.float() / 255, size), training=False) for p in self.held_out.split(100)]
            logits, projected = (torch.cat(part) for part in zip(*parts))
            distance = self.losses((logits, projected), self.held_out_features)[1].item()
            wanted = self.instruction.teacher.logits(self.held_out_features)
        same = (wanted.argmax(1) == logits.argmax(1)).float().mean().item()
        return {'same': round(same, 4), 'cosine': round(1 - distance, 4)}

    def save(self) -> None:
        """Writes the checkpoint and the weights, and logs what the held-out images say of them."""
        state = {name: getattr(self, name) for name in ('average', 'spread', 'step', 'seen')}
        state |= {'model': self.tensors, 'optimizer': self.optimizer.state_dict()}
        state['taught'] = self.instruction.kept.count
        new = self.options.checkpoint.with_suffix('.new')
        torch.save(state, new)
        new.rename(self.options.checkpoint)
        backbone = {name: value for name, value in self.average.items() if name.startswith('features.')}
        stored = {name: value.half().cpu().contiguous() for name, value in backbone.items()}
        metadata = {'architecture': 'densenet121', 'mean': json.dumps(MEAN), 'std': json.dumps(STD), 'source': SOURCE}
        save_file(stored, self.options.out, metadata)
        self._log(**self.judge())

    def _begin(self, images: Tensor) -> None:
        if self.options.init:
            self.student.load(load_file(self.options.init))
        features = self.instruction.features_of_whole(some(images, SPREAD))
        self.spread = features.mean(0), features.std(0) + 1e-3
        self.average = {name: tensor.detach().clone() for name, tensor in self.tensors.items()}

    def _restore(self, state: dict) -> None:
        self.student.load(state['model'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.average, self.spread = state['average'], state['spread']

    def _update_average(self) -> None:
        keep = min(self.options.average**AVERAGED, (1 + self.step) / (40 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.tensors.values()), 1 - keep)

    def _log_losses(self, losses: list[tuple[float, float]], share: float, speed: float) -> None:
        """Logs the mean losses of some steps, and images per second."""
        divergence, distance = np.mean(losses, 0).round(4).tolist()
        taught = self.instruction.kept.count
        self._log(
            seen=self.seen,
            taught=taught,
            share=round(share, 3),
            divergence=divergence,
            distance=distance,
            per_second=round(speed, 1),
        )

    def _log(self, **values: float) -> None:
        line = json.dumps({'step': self.step, 'clock': time.strftime('%H:%M:%S'), **values})
        print(line, flush=True)
        with open(self.options.log, 'a') as file:
            file.write(line + '\n')


if __name__ == '__main__':
    given = read_options()
    torch.set_num_threads(given.threads)
    Distillation(given, Teacher(given.teacher)).run()
