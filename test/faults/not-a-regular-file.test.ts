import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { elfProblem } from '../../lib/addon/elf.ts';
import { unpackCifar10 } from '../../lib/data/cifar10/archive.ts';
import { readCifar10Binary } from '../../lib/data/cifar10/binary.ts';
import { readCifar10Python } from '../../lib/data/cifar10/python.ts';
import { Dataset } from '../../lib/data/dataset.ts';
import { decodeImages } from '../../lib/data/decoding/decode-all.ts';
import { pixelsAt } from '../../lib/data/decoding/read-pixels.ts';
import { openData } from '../../lib/data/source.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { writeEpochs } from '../../lib/experiments/epoch-files.ts';
import { readRunConfig } from '../../lib/experiments/run-config.ts';
import { readPth } from '../../lib/formats/pth/pth.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { readRecipe } from '../../lib/options/recipe-file.ts';
import { writeReport } from '../../lib/report/report.ts';
import { hashOfFile } from '../../lib/support/files.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { readCheckpoint } from '../../lib/training/checkpoint.ts';
import { openWeights } from '../../lib/weights/read-weights.ts';
import { processOf, torchTl } from '../cli/torch-tl.ts';
import { writeBatches } from '../support/cifar10-records.ts';
import { savedModel } from '../support/saved-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** What a path may name instead of a regular file. */
const KINDS: Record<string, (path: string) => unknown> = {
  'a FIFO': (path) => execFileSync('mkfifo', [path]),
  'a device': (path) => symlinkSync('/dev/zero', path),
  'a socket': async (path) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
  },
  'a directory': (path) => mkdirSync(path),
};

/** Where a path is taken: the name that it must have, and what reads it. */
const DOORS: Record<string, [name: string, read: (path: string) => unknown]> = {
  'an image': ['a.png', (path) => decodeImages([path], { imageSize: 32, resize: 'cover' })],
  'an image of a list': ['a.png', (path) => Dataset.fromList(listOf(path), { imageSize: 32 })],
  'a list': ['list.csv', (path) => Dataset.fromList(path, { imageSize: 32 })],
  'a list as data': ['list.jsonl', (path) => openData(path, { imageSize: 32 })],
  'an archive as data': ['cifar-10-binary.tar.gz', (path) => openData(path)],
  'an archive': ['cifar-10-binary.tar.gz', (path) => unpackCifar10(path, `${path}-unpacked`)],
  'a binary batch': ['data_batch_1.bin', (path) => readCifar10Binary(beside(path, 'test_batch.bin'))],
  'a binary test batch': ['test_batch.bin', (path) => readCifar10Binary(beside(path, 'data_batch_1.bin'))],
  'names of classes': [
    'batches.meta.txt',
    (path) => readCifar10Binary(beside(path, 'data_batch_1.bin', 'test_batch.bin')),
  ],
  'a batch for Python': ['data_batch_1', (path) => readCifar10Python(beside(path, 'test_batch'))],
  'decoded images': [
    'pixels',
    (file) =>
      pixelsAt(
        {
          file,
          identity: '',
          places: new BigInt64Array(1),
          labels: new BigInt64Array(1),
          count: 1,
          height: 1,
          width: 1,
        },
        0,
      ),
  ],
  weights: ['best.safetensors', (path) => openWeights(path)],
  'weights as safetensors': ['best.safetensors', (path) => readSafetensors(path)],
  'weights of torch.save': ['best.pth', (path) => readPth(path)],
  'a model': ['best.safetensors', (path) => DenseNet121.load(path)],
  'weights to begin with': [
    'best.pth',
    (path) => DenseNet121.create({ weights: path, head: 'linear', classes: ['a', 'b'] }),
  ],
  'a hashed file': ['file', (path) => hashOfFile(path)],
  'a recipe': ['recipe.json', async (path) => readRecipe(path)],
  'a checkpoint': ['checkpoint.safetensors', (path) => readCheckpoint(path)],
  'a config.json': ['config.json', (path) => readRunConfig(path)],
  'a run of a report': ['config.json', (path) => writeReport([dirname(path)], `${path}.html`)],
  'a report': ['report.html', (path) => writeReport([dirname(path)], path)],
  'the epochs of a run': ['epochs.jsonl', (path) => writeEpochs(dirname(path), [])],
  'a library': ['libtorch_cpu.so', async (path) => elfProblem(path)],
};

describe.each(Object.entries(KINDS))('%s', (kind, make) => {
  // A directory may hold data whatever its name is.
  const doors = Object.entries(DOORS).filter(([door]) => kind !== 'a directory' || !door.endsWith('as data'));
  test.each(doors)('is refused as %s, by its kind', async (_, [name, read]) => {
    const path = join(temporaryDirectory(), name);
    await make(path);
    const error = await Promise.resolve(read(path)).then(
      () => null,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).toContain(kind);
  });

  test('leaves no file open', async () => {
    const path = join(temporaryDirectory(), 'file');
    await make(path);
    const before = readdirSync('/proc/self/fd').length;
    for (let time = 0; time < 20; time++) await expect(hashOfFile(path)).rejects.toThrow(kind);
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 20);
  });
});

test.each<[command: string, args: (path: string, model: string) => string[]]>([
  ['predict IMAGE', (path, model) => ['predict', '--weights', model, path]],
  ['predict --weights', (path, model) => ['predict', '--weights', path, model]],
  ['evaluate --data', (path, model) => ['evaluate', '--weights', model, '--data', path]],
  ['train --data', (path) => ['train', '--data', path]],
  ['run --recipe', (path) => ['run', 'finetune', '--data', 'sample', '--recipe', path]],
  ['run --weights', (path) => ['run', 'finetune', '--data', 'sample', '--weights', path]],
  ['features --weights', (path) => ['features', '--weights', path, '--data', 'sample', '--out', 'f']],
  ['weights inspect', (path) => ['weights', 'inspect', path]],
  ['export --weights', (path) => ['export', '--weights', path, '--format', 'pth', '--out', 'f.pth']],
  ['report', (path) => ['report', path]],
])('a FIFO ends %s with exit code 2', async (_, args) => {
  const cwd = temporaryDirectory();
  execFileSync('mkfifo', [join(cwd, 'list.csv')]);
  const { code, stderr } = await torchTl(args('list.csv', await savedModel()), { cwd });
  expect([code, stderr]).toEqual([2, expect.stringMatching(/a FIFO|a part of its path is not a directory/)]);
});

test.skipIf(process.platform === 'win32')('few open files are no fault in torch-tl', async () => {
  for (const limit of [40, 64]) {
    const script = `ulimit -n ${limit}; exec "$0" "$@"`;
    const command = [
      process.execPath,
      join(packageRoot, 'bin', 'torch-tl.js'),
      'evaluate',
      '--weights',
      'x',
      '--data',
      'y',
    ];
    const { stderr } = await processOf('sh', ['-c', script, ...command], { cwd: temporaryDirectory() });
    expect(stderr).not.toContain('bug in torch-tl');
  }
});

function listOf(image: string): string {
  const list = join(temporaryDirectory(), 'list.csv');
  writeFileSync(list, `path,label\n${image},a\n`);
  return list;
}

/** The directory of a path, in which batches that can be read lie beside it. */
function beside(path: string, ...batches: string[]): string {
  writeBatches(dirname(path), Object.fromEntries(batches.map((name) => [name, [1]])));
  return dirname(path);
}
