/** Splits a row-major matrix `[count, columns]` into rows that share its memory. */
export function rowsOf({ shape, data }: { shape: number[]; data: Float32Array }): Float32Array[] {
  const [count = 0, columns = 0] = shape;
  return Array.from({ length: count }, (_, row) => data.subarray(row * columns, (row + 1) * columns));
}

/** Log-softmax: natural logarithms of the probabilities, in float64. */
export function logSoftmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return Float64Array.from(logits, (logit) => logit - largest - Math.log(sum));
}

/** Indices sorted by value in descending order; equal values keep their order. */
export function ranking(values: Float32Array | Float64Array): number[] {
  return [...values.keys()].sort((a, b) => (values[b] as number) - (values[a] as number));
}
