// The main job against the same work written well in PyTorch: `node bench/finetune.js [rounds]`.
import { interleave, median, printTable, pytorch, TUNED_MALLOC, torchTlRun } from './measure.js';

const rounds = Number(process.argv[2] ?? 3);
const PYTORCH = [
  '--data',
  'assets/cifar10-sample',
  '--weights',
  'assets/densenet121-tiny-imagenet.safetensors',
];

function ours() {
  return torchTlRun(['finetune', '--data', 'sample'], ({ seconds, best, epochs, dataset }) => ({
    total: seconds.total,
    imagesPerSecond: (dataset.train + dataset.valid) / seconds.features,
    accuracy: best.validAccuracy,
    epochs: epochs.length,
  }));
}

function theirs() {
  const result = pytorch('finetune.py', PYTORCH, TUNED_MALLOC);
  return {
    total: result.total_seconds,
    imagesPerSecond: result.images_per_second,
    accuracy: result.best_accuracy,
    epochs: result.epochs,
  };
}

const measured = await interleave(rounds, { 'torch-tl': ours, 'PyTorch, written well': theirs });
const naive = pytorch('finetune.py', [...PYTORCH, '--naive', '--limit', '128']).images_per_second;

const rows = Object.entries(measured).map(([name, runs]) => {
  const value = (key) => median(runs.map((run) => run[key]));
  return [
    name,
    value('total').toFixed(1),
    value('imagesPerSecond').toFixed(1),
    `${(100 * value('accuracy')).toFixed(1)} %`,
    value('epochs'),
  ];
});
rows.push(['PyTorch as most people write it', '', naive.toFixed(1), '', '']);
const [first, second] = Object.values(measured);
const ratios = first.map((run, round) => second[round].total / run.total);
printTable(['', 'seconds, whole', 'frozen backbone, images/s', 'best accuracy', 'epochs'], rows);
console.log(`\ntorch-tl is ${median(ratios).toFixed(2)} times as fast (median of ${rounds} paired rounds).`);
