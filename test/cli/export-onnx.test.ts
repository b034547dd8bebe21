import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MODEL, type ModelProto } from '../../lib/model/onnx/proto.ts';
import type { HeadName } from '../../lib/options/head.ts';
import { hasOnnxRuntime } from '../support/onnx-runtime.ts';
import { smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

/** Saves a model that nobody trained and exports it. */
async function exported(head: HeadName, ...args: string[]) {
  const cwd = temporaryDirectory();
  const model = await smallModel({ head, imageSize: 64 });
  await model.save(join(cwd, 'model.safetensors'));
  const command = ['export', '--weights', 'model.safetensors', '--out', 'model.onnx', ...args];
  return { cwd, path: join(cwd, 'model.onnx'), ...(await torchTl(command, { cwd })) };
}

describe('torch-tl export --format onnx', () => {
  test.skipIf(!hasOnnxRuntime()).for<HeadName>(['linear', 'base-optimized', 'finetune'])(
    "gives the model's probabilities with the head %s, and checks that it does",
    async (head) => {
      const { code, stdout, path } = await exported(head);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^Written: model\.onnx\nChecked: the probabilities differ .* by at most \d\.\de-\d+\./,
      );
      expect(existsSync(path)).toBe(true);
    },
  );

  test.skipIf(hasOnnxRuntime())(
    'says what to install where it cannot be checked, and writes nothing',
    async () => {
      const { code, stderr, path } = await exported('linear');
      expect(code).toBe(1);
      expect(stderr).toContain('npm install onnxruntime-node');
      expect(existsSync(path)).toBe(false);
    },
  );

  test('has classes and preprocessing in its metadata, folded norms, and the contract’s shapes', async () => {
    const { code, stdout, path } = await exported('linear', '--no-check');
    expect(code).toBe(0);
    expect(stdout).toContain('The export was not checked against the model.');
    const model = MODEL.toObject(MODEL.decode(readFileSync(path)), { longs: Number }) as ModelProto;
    expect(model).toMatchObject({ irVersion: 8, opsetImport: [{ version: 17 }] });
    const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
    expect(JSON.parse(metadata.classes ?? '')).toHaveLength(10);
    expect(metadata).toMatchObject({ imageSize: '64', mean: '[0.485,0.456,0.406]' });
    const { node, input, output } = model.graph;
    const count = (type: string) => node.filter(({ opType }) => opType === type).length;
    // 121 norms, of which norm0 and every norm2 have gone into convolutions.
    expect({ convolutions: count('Conv'), norms: count('BatchNormalization') }).toEqual({
      convolutions: 120,
      norms: 62,
    });
    const dims = [input, output].map(([value]) => value?.type.tensorType.shape.dim);
    expect(dims).toEqual([
      [{ dimParam: 'n' }, { dimValue: 64 }, { dimValue: 64 }, { dimValue: 3 }],
      [{ dimParam: 'n' }, { dimValue: 10 }],
    ]);
    // What ONNX demands of a graph, where no runtime is here to say so.
    const { initializer } = model.graph;
    const defined = [...input, ...initializer]
      .map(({ name }) => name)
      .concat(node.flatMap((one) => one.output));
    expect(defined.filter((name, index) => defined.indexOf(name) !== index)).toEqual([]);
    expect(node.flatMap((one) => one.input).filter((name) => !defined.includes(name))).toEqual([]);
  });
});
