import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const RECORD = 3073;

/** Records with these labels; image `i` is of the one colour `[i, 2i, 3i]`. */
export function records(labels: number[]): Buffer {
  return Buffer.concat(
    labels.map((label, index) => {
      const record = Buffer.alloc(RECORD);
      record[0] = label;
      for (const plane of [0, 1, 2]) {
        record.fill((index * (plane + 1)) % 256, 1 + plane * 1024, 1 + (plane + 1) * 1024);
      }
      return record;
    }),
  );
}

/** Writes files of such records, by name, into a directory. */
export function writeBatches(directory: string, batches: Record<string, number[]>): void {
  for (const [name, labels] of Object.entries(batches)) writeFileSync(join(directory, name), records(labels));
}
