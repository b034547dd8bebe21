import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { program } from '../cli/torch-tl.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MEBIBYTE = 2 ** 20;

/** Enters the group. */
const SETUP = `
  import { writeFileSync } from 'node:fs';
  writeFileSync(process.env.GROUP + '/cgroup.procs', String(process.pid));
`;

const ENGINE = new URL('../../dist/engine/engine.js', import.meta.url).href;

// Each is larger than the one before, whose kept block is then of no use: together they take over a gigabyte.
test.skipIf(!mayMakeGroups())(
  'in a control group with little memory kept blocks go back, and the process lives',
  async () => {
    const text = `${SETUP}
      const { loadEngine } = await import('${ENGINE}');
      const [engine, side] = [loadEngine(), 1024];
      for (const count of [66, 100, 133, 166]) {
        const pixels = new Uint8Array(count * side * side * 3);
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

/** A control group inside this process's, empty; null where this process may make none. */
function makeGroup(): string | null {
  const own = existsSync('/proc/self/cgroup') ? readFileSync('/proc/self/cgroup', 'utf8') : '';
  const [, first] = /^\d+:memory:(.*)$/m.exec(own) ?? [];
  const [, second] = /^0::(.*)$/m.exec(own) ?? [];
  const parent =
    first === undefined ? join('/sys/fs/cgroup', second ?? '') : join('/sys/fs/cgroup/memory', first);
  const group = join(parent, `torch-tl-test-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    mkdirSync(group);
  } catch {
    return null;
  }
  if (existsSync(join(group, 'memory.max')) || existsSync(join(group, 'memory.limit_in_bytes'))) return group;
  rmdirSync(group);
  return null;
}

/** Not everybody may. */
function mayMakeGroups(): boolean {
  const group = makeGroup();
  if (group !== null) rmdirSync(group);
  return group !== null;
}

function limitedGroup(bytes: number): string {
  const group = makeGroup() as string;
  onTestFinished(() => rmdirSync(group));
  const name = existsSync(join(group, 'memory.max')) ? 'memory.max' : 'memory.limit_in_bytes';
  writeFileSync(join(group, name), String(bytes));
  return group;
}
