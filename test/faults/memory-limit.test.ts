import { expect, test } from 'vitest';
import { program } from '../cli/torch-tl.ts';
import { limitedGroup, mayMakeGroups } from '../support/memory-group.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MEBIBYTE = 2 ** 20;

/** Enters the group. */
const SETUP = `
  import { writeFileSync } from 'node:fs';
  writeFileSync(process.env.GROUP + '/cgroup.procs', String(process.pid));
`;

const ENGINE = new URL('../../dist/engine/engine.js', import.meta.url).href;

// Each is larger than the one before, whose kept block is then of no use: together they and the pixels take over a gigabyte.
test.skipIf(!mayMakeGroups())(
  'in a control group with little memory kept blocks go back, and the process lives',
  async () => {
    const text = `${SETUP}
      const { loadEngine } = await import('${ENGINE}');
      const [engine, side] = [loadEngine(), 1024];
      const all = new Uint8Array(100 * side * side * 3);
      for (const count of [40, 60, 80, 100]) {
        const pixels = all.subarray(0, count * side * side * 3);
        const data = { pixels, labels: new BigInt64Array(count), height: side, width: side, device: 'cpu' };
        (await engine.createDataset(data).result).dispose();
      }
      console.log('lives');
    `;
    const group = limitedGroup(900 * MEBIBYTE);
    const ended = await program(text, { cwd: temporaryDirectory(), env: { GROUP: group } });
    expect(ended).toEqual({ code: 0, stdout: 'lives\n', stderr: '' });
  },
);

test.skipIf(!mayMakeGroups())(
  'what a control group does not allow is OUT_OF_MEMORY, and the model lives on',
  async () => {
    const text = `${SETUP}
      const { Dataset, DenseNet121 } = await import('torch-tl');
      const { train, valid } = await Dataset.cifar10('sample', { train: 400, valid: 10 });
      const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 96 });
      const options = { kernels: 'libtorch', precision: 'fp32' };
      const failure = await model.logits(train, { batchSize: 400, ...options }).catch((error) => error);
      console.log(failure.code);
      const { shape } = await model.logits(valid, { batchSize: 4, ...options });
      console.log(shape.join());
    `;
    const group = limitedGroup(700 * MEBIBYTE);
    const ended = await program(text, { cwd: temporaryDirectory(), env: { GROUP: group } });
    expect(ended).toEqual({ code: 0, stdout: 'OUT_OF_MEMORY\n10,10\n', stderr: '' });
  },
);
