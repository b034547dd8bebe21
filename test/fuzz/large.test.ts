import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AMONG_TESTS } from './limits.ts';
import { checkInput, type Target } from './target.ts';

/*
 * Inputs larger than the fuzzer makes, of whatever costs the most for a byte: here the memory for each byte counts, and no
 * longer the fixed amount.
 */

const CORPUS = join(import.meta.dirname, 'corpus');

/** A honest file with another text in place of the value of a key, which has to be a list or an object. */
function withValue(input: string, key: string, text: string): Buffer {
  const content = JSON.parse(readFileSync(join(CORPUS, input), 'utf8'), (name, value) =>
    name === key ? '@' : value,
  );
  return Buffer.from(JSON.stringify(content).replace('"@"', text));
}

/** A list of `length` bytes of the same wrong value. */
const listOf = (value: string, length: number) =>
  `[${`${value},`.repeat(length / (value.length + 1))}${value}]`;

function safetensorsOf(header: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header)]);
}

/** A model's file in which a value of the metadata is such a list. */
function modelWith(key: string, value: string): Buffer {
  const file = readFileSync(join(CORPUS, 'model-metadata/plain'));
  const header = JSON.parse(file.toString('utf8', 8)) as { __metadata__: Record<string, string> };
  header.__metadata__[key] = value;
  return safetensorsOf(JSON.stringify(header));
}

const MILLION = 1e6;

const pickleOf = (operation: string) =>
  Buffer.from(`\x80\x02${operation.repeat((0.95 * MILLION) / operation.length)}.`, 'latin1');

test.each<[string, string, () => Buffer]>([
  [
    'run-results',
    'epochs without a field',
    () => withValue('run-results/two-epochs', 'epochs', listOf('{}', MILLION)),
  ],
  [
    'run-setup',
    'skipped images that are numbers',
    () => withValue('run-setup/finetune', 'skipped', listOf('0', MILLION)),
  ],
  [
    'run-setup',
    'classes that are numbers',
    () => withValue('run-setup/finetune', 'classes', listOf('0', MILLION)),
  ],
  [
    'run-validation',
    'rows that are empty',
    () => withValue('run-validation/two-classes', 'confusion', listOf('[]', MILLION)),
  ],
  [
    'run-config',
    'stages that are numbers',
    () =>
      Buffer.from(`{"formatVersion":1,"experiment":"train","options":{"recipe":${listOf('0', MILLION)}}}`),
  ],
  [
    'recipe',
    'stages without epochs',
    () => Buffer.from(`{"formatVersion":1,"stages":${listOf('{}', MILLION)}}`),
  ],
  ['model-metadata', 'classes that are numbers', () => modelWith('classes', listOf('0', MILLION))],
  ['model-metadata', 'means that are texts', () => modelWith('mean', listOf('""', MILLION))],
  ['pth-pickle', 'dicts', () => pickleOf('}')],
  ['cifar10-python', 'tuples', () => pickleOf(')')],
  [
    'list-jsonl',
    'images of one class each',
    () => Buffer.from(Array.from({ length: 30_000 }, (_, i) => `{"path":"${i}","label":"${i}"}\n`).join('')),
  ],
  ['list-csv', 'short lines', () => Buffer.from(`path,label\n${'a,b\n'.repeat(MILLION / 8)}`)],
  [
    'safetensors',
    'tensors without bytes',
    () =>
      safetensorsOf(
        `{${Array.from({ length: 20_000 }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join(',')}}`,
      ),
  ],
])('%s takes time and memory within its limits: %s', async (name, _, input) => {
  const { target } = (await import(`./targets/${name}.ts`)) as { target: Target };
  const bytes = input();
  expect(bytes.length).toBeGreaterThan(MILLION / 3);
  await checkInput(target, bytes, AMONG_TESTS);
});
