import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as pickle from '../../lib/formats/pickle-writer.ts';
import { rebuilt } from '../../lib/formats/pth/write-pth.ts';
import { readSafetensors, writeSafetensors } from '../../lib/formats/safetensors.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { readWeights } from '../../lib/weights/read-weights.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { stateOf, torchArchive } from '../support/torch-files.ts';

test('a safetensors file is one too where the length of its header begins like a pickle', async () => {
  const path = join(temporaryDirectory(), 'weights.safetensors');
  const tensor = { name: 'a', dtype: 'float32', shape: [1], data: new Uint8Array(4) } as const;
  let note = '';
  do {
    note += '        ';
    await writeSafetensors(path, [{ ...tensor, shape: [1] }], { note });
  } while (readFileSync(path)[0] !== 0x80);
  expect((await readWeights(path)).metadata).toEqual({ note });
});

test('a backbone that torch.save wrote gives the features of the same one in safetensors', async () => {
  const embedded = join(packageRoot, 'assets', 'densenet121-tiny-imagenet-distilled.safetensors');
  const { tensors } = await readSafetensors(embedded);
  const state = tensors.map(
    (tensor, index) => [`module.${tensor.name}`, rebuilt(tensor, String(index))] as const,
  );
  const checkpoint = pickle.dict([
    ['epoch', pickle.integer(9)],
    ['state_dict', pickle.dict(state)],
  ]);
  const storages = Object.fromEntries(tensors.map(({ data }, index) => [index, Buffer.from(data)]));
  const path = join(temporaryDirectory(), 'densenet121.pth');
  writeFileSync(path, torchArchive(checkpoint, storages));

  const { valid } = await smallData(2, 2);
  const [expected, found] = await Promise.all(
    ['tiny-imagenet-distilled', path].map(async (weights) => (await smallModel({ weights })).features(valid)),
  );
  expect(found?.data).toEqual(expected?.data);
});

test('a tensor under its old and its current name is refused: the model has but one', async () => {
  const [old, current] = ['norm.1.weight', 'norm1.weight'].map(
    (name) => `features.denseblock1.denselayer1.${name}`,
  ) as [string, string];
  const path = join(temporaryDirectory(), 'weights.pth');
  const storages = { 0: Buffer.alloc(4), 1: Buffer.alloc(4) };
  writeFileSync(path, torchArchive(stateOf([old, current]), storages));
  await expect(readWeights(path)).rejects.toMatchObject({
    code: 'WEIGHTS_INVALID',
    message: expect.stringContaining(`two tensors that torchvision calls "${current}"`),
  });
  writeFileSync(path, torchArchive(stateOf([old]), storages));
  expect((await readWeights(path)).tensors.map(({ name }) => name)).toEqual([current]);
});
