import type { RawImage } from '../../data/decoding/decode.ts';
import { TorchTlError } from '../../errors.ts';

/** Maximum difference between probabilities. Both compute in float32, in a different order. */
const TOLERANCE = 1e-4;

/** Number of noise images that are compared. */
const IMAGES = 4;

/** The part of `onnxruntime-node` that is used; the user installs it. */
interface OnnxRuntime {
  InferenceSession: {
    create(model: Uint8Array): Promise<{
      run(inputs: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
      release(): Promise<void>;
    }>;
  };
  Tensor: new (type: string, data: Uint8Array, dims: readonly number[]) => unknown;
}

/** The part of a model that the comparison uses. */
interface Predictor {
  readonly imageSize: number;
  readonly classes: readonly string[];
  predict(
    images: RawImage[],
    options: { precision: 'fp32' },
  ): Promise<ReadonlyArray<{ probabilities: readonly number[] }>>;
}

/**
 * Returns the largest difference between the probabilities of a model and of its ONNX export for the same images.
 *
 * @param exported the ONNX file's content
 * @throws TorchTlError `EXPORT_DIFFERS` above 1e-4; `EXPORT_UNCHECKED` if `onnxruntime-node` does not load
 */
export async function checkOnnx(exported: Uint8Array, model: Predictor): Promise<number> {
  const runtime = await loadRuntime();
  const { imageSize, classes } = model;
  const images = Array.from({ length: IMAGES }, (_, index) => noise(imageSize * imageSize * 3, index + 1));
  const size = { width: imageSize, height: imageSize, channels: 3 as const };
  const expected = await model.predict(
    images.map((data) => ({ data, ...size })),
    { precision: 'fp32' },
  );
  const session = await runtime.InferenceSession.create(exported);
  let largest = 0;
  try {
    const pixels = Buffer.concat(images);
    const input = new runtime.Tensor('uint8', pixels, [IMAGES, imageSize, imageSize, 3]);
    const { probabilities } = await session.run({ images: input });
    for (const [image, prediction] of expected.entries()) {
      for (const [index, probability] of prediction.probabilities.entries()) {
        const found = probabilities?.data[image * classes.length + index] ?? Number.NaN;
        largest = Math.max(largest, Math.abs(probability - found));
      }
    }
  } finally {
    await session.release();
  }
  if (largest <= TOLERANCE) return largest;
  throw new TorchTlError(
    'EXPORT_DIFFERS',
    `The probabilities of the ONNX export differ from the model's by up to ${largest.toExponential(1)}, more than the ` +
      `allowed ${TOLERANCE}; nothing was written. This is a fault in torch-tl or in the installed onnxruntime-node.`,
  );
}

async function loadRuntime(): Promise<OnnxRuntime> {
  const name = 'onnxruntime-node';
  try {
    const { default: runtime } = (await import(name)) as { default: OnnxRuntime };
    return runtime;
  } catch (cause) {
    const message = 'onnxruntime-node, which checks ONNX exports, cannot be loaded';
    const said = (unchecked: string) =>
      `${message} (${(cause as Error).message.split('\n')[0]}). Install it with \`npm install ${name}\`, or skip the ` +
      `check with ${unchecked}.`;
    throw new TorchTlError('EXPORT_UNCHECKED', said('`check: false`'), {
      cause,
      atCommandLine: said('--no-check'),
    });
  }
}

/** Pseudo-random bytes of a linear congruential generator with the constants of Numerical Recipes. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}
