import type { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import { settleReporting } from '../engine/job.ts';
import type { Computation, ExtractionProgress, HostTensor, NativeModel } from '../engine/native.ts';
import type { ExtractionDocs } from '../options/docs.ts';
import { abortSignal, callback, featuresOptions } from '../options/index.ts';

export const extractionOptions = featuresOptions
  .pick({ batchSize: true, precision: true, threads: true, kernels: true })
  .extend({
    signal: abortSignal.describe('stops the work within one batch'),
    onProgress: callback<(done: number, total: number) => void>().describe(
      'hears how many images are done, of how many',
    ),
  });

export type ExtractionOptions = z.input<typeof extractionOptions> & ExtractionDocs;

/** What the network made of every image: features `[count, 1024, height, width]` or logits `[count, classes]`. */
export interface FeatureMatrix {
  shape: number[];
  /** Row-major. */
  data: Float32Array;
}

/** What a pass over images works with: the engine's model, where it is, and the images. */
export interface Extraction {
  model: NativeModel;
  device: string;
  computation: Computation;
  data: Dataset;
  options: z.output<typeof extractionOptions>;
}

/**
 * Runs the images, which may be disposed of meanwhile, through the backbone, or the head too.
 *
 * @throws the signal's reason, what the callback threw, or TorchTlError `OUT_OF_MEMORY` or `NATIVE_FAILURE`
 */
export async function extract(
  what: 'features' | 'logits',
  { model, device, computation, data, options }: Extraction,
  stopped: AbortSignal,
): Promise<FeatureMatrix> {
  const { batchSize, onProgress } = options;
  const held = data.share();
  try {
    const images = await held.onDevice(device, stopped);
    const tensor = await settleReporting<ExtractionProgress, HostTensor>(
      ({ done, total }) => onProgress?.(done, total),
      (report) => model[what](images, { batchSize, ...computation }, report),
      stopped,
    );
    return extracted(tensor);
  } finally {
    held.dispose();
  }
}

/** The engine's float32 tensor, without a copy. */
export function extracted({ shape, data }: HostTensor): FeatureMatrix {
  return { shape, data: new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4) };
}
