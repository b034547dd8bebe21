import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '../../../lib/formats/safetensors.ts';
import { modelMetadataText, readModelMetadata } from '../../../lib/model/metadata.ts';
import type { Target } from '../target.ts';
import { target as safetensors } from './safetensors.ts';

/** The input is a safetensors file, of which the metadata say what model it holds. */
export const target: Target = {
  refusals: ['WEIGHTS_INVALID'],
  async read(bytes, directory) {
    const path = join(directory, 'model.safetensors');
    writeFileSync(path, bytes);
    const { metadata: text } = await readSafetensors(path);
    const metadata = readModelMetadata(text, path);
    for (const value of [...metadata.mean, ...metadata.std]) assert.ok(Number.isFinite(value));
    assert.ok(metadata.std.every((value) => value > 0));
    assert.ok(Number.isSafeInteger(metadata.imageSize));
    assert.ok(metadata.classes.length >= 2);
    assert.deepEqual(JSON.parse(text.classes as string), metadata.classes);
    const copy = join(directory, 'copy.safetensors');
    await writeSafetensors(copy, [], modelMetadataText(metadata));
    assert.deepEqual(readModelMetadata((await readSafetensors(copy)).metadata, copy), metadata);
  },
  repaired: (bytes, directory) => safetensors.repaired?.(bytes, directory) ?? null,
};
