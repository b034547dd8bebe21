import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { readSafetensors, writeSafetensors } from '../../../lib/formats/safetensors.ts';
import type { StoredTensor } from '../../../lib/formats/stored-tensor.ts';
import { readCheckpoint } from '../../../lib/training/checkpoint.ts';
import type { Target } from '../target.ts';
import { target as safetensors } from './safetensors.ts';

export const target: Target = {
  refusals: ['CHECKPOINT_INVALID'],
  async read(bytes, directory) {
    const path = join(directory, 'checkpoint.safetensors');
    writeFileSync(path, bytes);
    const read = await readCheckpoint(path);
    assert.ok(read !== null);
    const { tensors, batch, ...state } = read;
    for (const count of [batch, ...state.resumed.flatMap(Object.values)]) assert.ok(count >= 0);
    const texts = Object.entries({ ...state, batch }).map(([name, value]) => [name, JSON.stringify(value)]);
    const copy = join(directory, 'copy.safetensors');
    await writeWithChecksum(copy, tensors, { formatVersion: '1', ...Object.fromEntries(texts) });
    assert.deepEqual(sorted(await readCheckpoint(copy)), sorted(read));
  },
  async repaired(bytes, directory) {
    const whole = (await safetensors.repaired?.(bytes, directory)) ?? bytes;
    const path = join(directory, 'repaired.safetensors');
    writeFileSync(path, whole);
    const read = await readSafetensors(path).catch(() => null);
    if (read === null) return null;
    const { checksum: _, ...metadata } = read.metadata;
    await writeWithChecksum(path, read.tensors, metadata);
    return readFileSync(path);
  },
};

function sorted(checkpoint: Awaited<ReturnType<typeof readCheckpoint>>) {
  return { ...checkpoint, tensors: checkpoint?.tensors.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Writes a checkpoint with the checksum that its reader asks for. */
async function writeWithChecksum(
  path: string,
  tensors: readonly StoredTensor[],
  metadata: Record<string, string>,
): Promise<void> {
  const byName = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = byName.map(({ name, dtype, shape }) => [name, dtype, shape]);
  const entries = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  const start = crc32(Buffer.from(JSON.stringify([entries, names])));
  const sum = byName.reduce((before, { data }) => crc32(data, before), start);
  await writeSafetensors(path, [...tensors], { ...metadata, checksum: sum.toString(16) });
}
