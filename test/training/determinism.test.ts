import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { Precision } from '../../lib/engine/native-computation.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import type { FitOptions } from '../../lib/training/fit.ts';
import { OFF } from '../support/augmentation.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * The same seed, machine and number of threads give the same bits: those that are recorded of processors of the same
 * kind, or twice in a row. Where a change of the engine means to change them, `TORCH_TL_RECORD=determinism npx vitest
 * run test/training/determinism.test.ts` records them anew for this processor, beside those of others.
 */

const RECORD = join(packageRoot, 'test', 'fixtures', 'determinism.json');
const recorded: Record<string, Record<string, string>> = JSON.parse(readFileSync(RECORD, 'utf8'));

/** What decides which kernels compute: ours, and those of the libraries of LibTorch. */
function processor(): string {
  const { libtorch, info } = loadEngine();
  const { cpu } = info();
  const field = (name: string) => new RegExp(`^${name}\\s*: (.+)$`, 'm').exec(cpuInfo())?.[1] ?? '';
  const kind = ['vendor_id', 'cpu family', 'model'].map(field).join(' ');
  return `${libtorch}, ${cpu.kernels.join(' ')}, ${kind.trim() || cpus()[0]?.model}`;
}

function cpuInfo(): string {
  return process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
}

const METHODS: Readonly<Record<string, Partial<FitOptions>>> = {
  'the head alone': { freeze: 'backbone' },
  'the last block': { freeze: { through: 'transition3' } },
  'all layers': {},
  'random resized crops': {
    augmentation: { ...OFF, randomResizedCrop: { scale: [0.5, 1], ratio: [0.75, 1.5] } },
  },
  'random crops': { augmentation: { ...OFF, randomCrop: { padding: 0.25 } } },
  mirroring: { augmentation: { ...OFF, horizontalFlip: 0.5 } },
  'colour jitter': {
    augmentation: { ...OFF, colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.2 } },
  },
  'random erasing': {
    augmentation: { ...OFF, randomErasing: { probability: 0.8, scale: [0.1, 0.3], ratio: [0.5, 2] } },
  },
  mixup: { augmentation: { ...OFF, mixup: 0.4 } },
  cutmix: { augmentation: { ...OFF, cutmix: 1 } },
  'light augmentation': { augmentation: 'light' },
  'strong augmentation': { augmentation: 'strong' },
  'averaged weights, accumulated and clipped gradients': {
    emaDecay: 0.9,
    gradientAccumulationSteps: 2,
    clipNorm: 1,
    labelSmoothing: 0.1,
  },
  'cosine with warm-up': { schedule: 'cosine', warmupEpochs: 1 },
};

/** Hash of what a training comes to: its epochs' figures and all weights. */
async function hashOf(method: Partial<FitOptions>, precision: Precision): Promise<string> {
  const { train, valid } = await smallData(10, 5);
  const model = await smallModel({ head: 'finetune', seed: 3 });
  const { epochs } = await model.fit(train, {
    valid,
    epochs: 2,
    batchSize: 4,
    seed: 5,
    threads: 2,
    featureCache: false,
    precision,
    ...method,
  }).result;
  const file = join(temporaryDirectory(), 'model.safetensors');
  await model.save(file);
  const figures = epochs.map(({ trainLoss, validLoss, validAccuracy }) => [
    trainLoss,
    validLoss,
    validAccuracy,
  ]);
  const hash = createHash('sha256').update(JSON.stringify(figures));
  for (const { name, data } of (await readSafetensors(file)).tensors) hash.update(name).update(data);
  return hash.digest('hex').slice(0, 16);
}

describe.for<Precision>(['fp32', 'bf16'])('in %s, the bits are the same', (precision) => {
  test.for(Object.entries(METHODS))('of %s', async ([name, method]) => {
    const hash = await hashOf(method, precision);
    const key = `${name}, ${precision}`;
    if (process.env.TORCH_TL_RECORD === 'determinism') {
      recorded[processor()] = { ...recorded[processor()], [key]: hash };
      writeFileSync(RECORD, `${JSON.stringify(recorded, null, 2)}\n`);
    }
    expect(hash).toBe(recorded[processor()]?.[key] ?? (await hashOf(method, precision)));
  });
});
