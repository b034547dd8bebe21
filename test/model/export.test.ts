import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readWeights } from '../../lib/weights/read-weights.ts';
import { bytesOf } from '../support/native.ts';
import { hasOnnxRuntime } from '../support/onnx-runtime.ts';
import { smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('a model exports itself', () => {
  test.for([
    ['model.safetensors', {}, 'safetensors'],
    ['model.PT', {}, 'pth'],
    ['model', { format: 'pth' }, 'pth'],
    ['model.pt', { format: 'pth' }, 'pth'],
    ['model.bin', { format: 'safetensors' }, 'safetensors'],
  ] as const)('as %s, %j', async ([name, options, format]) => {
    const [directory, model] = [temporaryDirectory(), await smallModel()];
    const path = join(directory, name);
    const exported = await model.export(path, options);
    expect(exported).toEqual({ path, format, bytes: statSync(path).size, check: null });
    await model.save(join(directory, 'saved'));
    const [read, saved] = await Promise.all(
      [path, join(directory, 'saved')].map((file) => readWeights(file)),
    );
    expect(bytesOf(read?.tensors ?? [])).toEqual(bytesOf(saved?.tensors ?? []));
  });

  test.skipIf(!hasOnnxRuntime())('as ONNX, and says how far that is from it', async () => {
    const path = join(temporaryDirectory(), 'model.onnx');
    const exported = await (await smallModel()).export(path);
    expect(exported).toMatchObject({ format: 'onnx', bytes: statSync(path).size });
    expect(exported.check?.largestDifference).toBeLessThan(1e-4);
  });

  test.for([
    ['', {}, 'path'],
    ['model.bin', {}, "The extension of 'model.bin' is not that of an export format"],
    ['model.onnx', { format: 'h5' }, 'format must be safetensors, pth, onnx'],
    ['model.onnx', { format: 'pth' }, "format pth contradicts the extension of 'model.onnx'"],
    ['model.onnx', { checked: false }, "did you mean 'check'?"],
  ] as const)('%j, %j is refused, and nothing is written', async ([path, options, message]) => {
    const exporting = (await smallModel()).export(path, options as never);
    await expect(exporting).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
    expect(existsSync('model.onnx')).toBe(false);
  });
});
