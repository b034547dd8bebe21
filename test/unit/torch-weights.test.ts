import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';
import { smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { pickle, zip } from '../support/torch-files.ts';

test('a backbone that torch.save wrote gives the features of the same one in safetensors', async () => {
  const embedded = join(packageRoot, 'assets', 'densenet121-tiny-imagenet.safetensors');
  const { tensors } = await readSafetensors(embedded);
  const state = tensors.map(({ name, shape, data }, index): [string, Buffer] => {
    const stride = shape.map((_, i) => shape.slice(i + 1).reduce((product, side) => product * side, 1));
    const storage = { type: 'HalfStorage', key: String(index), count: data.length / 2 };
    return [`module.${name}`, pickle.tensor({ ...storage, size: shape, stride })];
  });
  const path = join(temporaryDirectory(), 'densenet121.pth');
  const program = pickle.program(
    pickle.dict({ epoch: pickle.integer(9), state_dict: pickle.dict(Object.fromEntries(state)) }),
  );
  const storages = Object.fromEntries(tensors.map(({ data }, index) => [index, Buffer.from(data)]));
  writeFileSync(path, zip.of({ pickle: program, storages }));

  const { valid } = await smallData(2, 2);
  const [expected, found] = await Promise.all(
    ['tiny-imagenet', path].map(async (weights) => (await smallModel({ weights })).features(valid)),
  );
  expect(found?.data).toEqual(expected?.data);
});
