"""The options of distil.py."""

from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from pathlib import Path


def add_files(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add('--images', type=Path, default='train_x.npy', help='uint8 [n, 64, 64, 3], from pack.py')
    add('--held-out', type=Path, default='val_x.npy', help='likewise, to judge by')
    add('--teacher', type=Path, default='mobilenet_v2_1.0_224_quant.tflite', help='README.md says whose')
    add('--executors', help="library of executors.cc; without it PyTorch's operators compute")
    add('--init', type=Path, help='safetensors to start from if there is no checkpoint')
    add('--checkpoint', type=Path, default='distil.pt', help='goes on from it if it is there')
    add('--lessons', type=Path, default='lessons', help="folder of the teacher's answers")
    add('--out', type=Path, default='student.safetensors', help='weights to write')
    add('--log', type=Path, default='distil.jsonl', help='file to which lines of JSON are added')


def add_schedule(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add('--minutes', type=float, default=60, help='how long to train, by the clock')
    add('--begin', type=float, default=0, help='share of the schedule that earlier processes did')
    add('--steps', type=int, default=10**9, help='steps after which to end at the latest')
    add('--batch', type=int, default=64, help='images in a batch; of more than 64 pixels fewer, but 32')
    add('--sizes', default='0:64 0.65:96 0.82:128', help='sides in pixels, from each share of the schedule on')
    add('--rate', type=float, default=1e-3, help='learning rate of AdamW')
    add('--flat', type=float, default=0.2, help='share of the schedule from which on the rate falls to 0')
    add('--warmup', type=int, default=60, help='steps in which the rate rises')
    add('--weight-decay', type=float, default=0.02, help='of weights; norms and biases have none')
    add('--front', type=float, default=0.25, help='share of steps in which the first sections train too')
    add('--average', type=float, default=0.998, help='what a step keeps of the moving average of weights')
    add('--save-minutes', type=float, default=5, help='time between checkpoints')
    add('--threads', type=int, default=2, help='on a CPU')


def add_lessons(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add('--teacher-size', type=int, default=160, help="side in pixels of the teacher's views")
    add('--fresh', type=float, default=0.5, help='share of batches of new views; others repeat kept ones')
    add('--first', type=int, default=5000, help='views before any is repeated')
    add('--capacity', type=int, default=300_000, help='views kept, 2.6 kB each')
    add('--smallest', type=float, default=0.25, help="share of an image's area that a view has at least")
    add('--shrink', type=float, default=0.5, help='share of a batch that is shrunk and enlarged again')
    add('--shrunk', default='28,48', help='smallest and largest side to which it is shrunk')
    add('--feature-weight', type=float, default=4.0, help="weight of the features in the loss")


def read_options() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter)
    for add in (add_files, add_schedule, add_lessons):
        add(parser)
    return parser.parse_args()
