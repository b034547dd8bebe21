import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type NamedWeights, resolveNamed } from '../../lib/weights/catalogue.ts';
import { downloadNamed, downloadWeights } from '../../lib/weights/download-weights.ts';
import { fileServer, proxy, whole } from '../support/file-server.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CONTENT = Buffer.from('as good as weights');

beforeEach(() => {
  vi.stubEnv('TORCH_TL_CACHE', join(temporaryDirectory(), 'cache'));
  // Those of whoever runs the tests would stand between.
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'])
    vi.stubEnv(name, undefined);
});
afterEach(() => void vi.unstubAllEnvs());

/** Weights like those of the catalogue, on a server of this machine. */
async function namedWeights(): Promise<NamedWeights> {
  const { url } = await fileServer(whole(CONTENT));
  const sha256 = createHash('sha256').update(CONTENT).digest('hex');
  return { name: 'mine', file: 'mine.safetensors', sha256, trainedOn: 'nothing', terms: 'none', url };
}

describe('downloadNamed', () => {
  test('puts weights where they are then found by name', async () => {
    const weights = await namedWeights();
    await expect(resolveNamed(weights)).rejects.toMatchObject({ code: 'WEIGHTS_NOT_FOUND' });
    const path = await downloadNamed(weights);
    expect(readFileSync(path)).toEqual(CONTENT);
    const { sha256 } = weights;
    expect(await resolveNamed(weights)).toEqual({ source: 'mine', path, sha256, trainedOn: 'nothing' });
  });

  test('mends weights that were damaged', async () => {
    const weights = await namedWeights();
    const path = await downloadNamed(weights);
    writeFileSync(path, 'damaged');
    await expect(resolveNamed(weights)).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringMatching(/is damaged: .* Download it again with downloadWeights\('mine'\)\./),
    });
    expect(await downloadNamed(weights)).toBe(path);
    expect(await resolveNamed(weights)).toMatchObject({ path });
  });

  test('takes another directory, and reports the progress', async () => {
    const directory = join(temporaryDirectory(), 'mine');
    const reports: unknown[] = [];
    const onProgress = (...report: unknown[]) => reports.push(report);
    const path = await downloadNamed(await namedWeights(), { directory, onProgress });
    expect(path).toBe(join(directory, 'mine.safetensors'));
    expect(reports).toEqual([[CONTENT.length, CONTENT.length]]);
  });

  test('stops where it is aborted', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(downloadNamed(await namedWeights(), { signal })).rejects.toBe(reason);
  });
});

describe('downloadWeights', () => {
  test('fetches nothing of embedded weights', async () => {
    const path = await downloadWeights('tiny-imagenet-distilled');
    expect(path).toMatch(/densenet121-tiny-imagenet-distilled\.safetensors$/);
    expect(existsSync(path)).toBe(true);
  });

  test("asks the hub for 'imagenet'", async () => {
    const refusing = await proxy({ refuses: true });
    vi.stubEnv('HTTPS_PROXY', refusing.url);
    await expect(downloadWeights('imagenet')).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(
        /^Cannot download https:\/\/huggingface\.co\/timm\/densenet121\.tv_in1k\/.*: .*403/,
      ),
    });
    expect(refusing.targets).toEqual(['huggingface.co:443']);
  });

  test('answers a misspelt name with the right one', async () => {
    await expect(downloadWeights('imagnet')).rejects.toMatchObject({
      name: 'InputError',
      code: 'WEIGHTS_NOT_FOUND',
      message:
        "No weights are called 'imagnet'. Did you mean 'imagenet'? Known names: tiny-imagenet-distilled, imagenet, imagenet-torchvision.",
    });
  });

  test('refuses an unknown option', async () => {
    const options = { folder: 'here' } as object;
    await expect(downloadWeights('imagenet', options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
