import { fileURLToPath } from 'node:url';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import type { StoredTensor } from '../../lib/formats/stored-tensor.ts';

const SAMPLES = 32;

/** A fixture of test/fixtures: tensors in the file's order, and what their maker says of them. */
export interface Fixture {
  tensors: Map<string, Float32Array | Float64Array>;
  facts: Record<string, unknown>;
}

/**
 * A tensor in at most 35 numbers: its norm, its sum and its dot product with cos(0), cos(1), ...,
 * then its values at floor(k n / 32) for k = 0..31, or all n of them where n is 32 or less.
 * test/fixtures/reference.py computes the same.
 *
 * @param values the tensor, row-major
 */
export function signature(values: Float32Array | Float64Array): Float64Array {
  let squares = 0;
  let sum = 0;
  let dot = 0;
  values.forEach((value, index) => {
    squares += value * value;
    sum += value;
    dot += value * Math.cos(index);
  });
  const samples = Array.from({ length: Math.min(SAMPLES, values.length) }, (_, k) =>
    values.at(values.length <= SAMPLES ? k : Math.floor((k * values.length) / SAMPLES)),
  );
  return Float64Array.of(Math.sqrt(squares), sum, dot, ...samples.map(Number));
}

/** A tensor's values as numbers; its bytes may lie at any offset. */
export function numbers({ name, dtype, data }: StoredTensor): Float32Array | Float64Array {
  const { buffer } = Uint8Array.from(data);
  if (dtype === 'float32') return new Float32Array(buffer);
  if (dtype === 'float64') return new Float64Array(buffer);
  if (dtype === 'int64') return Float64Array.from(new BigInt64Array(buffer), Number);
  throw new Error(`${name} is ${dtype}; the parity tests compare float32, float64 and int64`);
}

/** Reads `test/fixtures/<name>.safetensors`. */
export async function readFixture(name: string): Promise<Fixture> {
  const path = fileURLToPath(new URL(`../fixtures/${name}.safetensors`, import.meta.url));
  const { tensors, metadata } = await readSafetensors(path);
  return {
    tensors: new Map(tensors.map((tensor) => [tensor.name, numbers(tensor)])),
    facts: JSON.parse(metadata.fixture ?? '{}'),
  };
}
