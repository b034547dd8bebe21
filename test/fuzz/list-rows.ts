import assert from 'node:assert/strict';
import type { ImageFiles } from '../../lib/data/image-files.ts';

/** A line of a list of images, as it was understood. */
export interface Row {
  path: string;
  label: string;
  split: string | null;
  group: string | null;
}

/** All lines of a list, by its splits. Checks that the parts of each split fit together. */
export function rowsOf(splits: ReadonlyMap<string | null, ImageFiles>): Row[] {
  return [...splits].flatMap(([split, { files, labels, classes, groups }]) => {
    assert.equal(labels.length, files.length);
    assert.equal(groups?.length ?? files.length, files.length);
    assert.equal(new Set(classes).size, classes.length);
    return files.map((path, index) => {
      const label = classes[Number(labels[index])];
      assert.ok(label !== undefined, 'every label is one of the classes');
      return { path, label, split, group: groups?.[index] ?? null };
    });
  });
}
