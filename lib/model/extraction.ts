import type { z } from 'zod';
import type { DataWarning } from '../data/data-warning.ts';
import type { Fact } from '../distributed/agreement.ts';
import { processesOf } from '../distributed/join.ts';
import { reportingTogether, together } from '../distributed/processes.ts';
import { settle } from '../engine/job.ts';
import type { ExtractionProgress, NativeDataset, NativeModel } from '../engine/native.ts';
import type { Computation, HostTensor } from '../engine/native-computation.ts';
import type { ExtractionDocs } from '../options/docs.ts';
import { abortSignal, callback, featuresOptions } from '../options/index.ts';
import { sha256 } from '../support/hash.ts';

export const extractionOptions = featuresOptions
  .pick({
    batchSize: true,
    precision: true,
    threads: true,
    kernels: true,
    distributed: true,
    joinTimeout: true,
    collectiveTimeout: true,
  })
  .extend({
    signal: abortSignal.describe('stops the work after the current batch'),
    onProgress: callback<(done: number, total: number) => void>().describe(
      'called with the number of images done, and of all images',
    ),
    onWarning: callback<(warning: DataWarning) => void>().describe(
      "called if the images were read at another size than the model's; without it that is a process warning (`process.emitWarning`)",
    ),
  });

export type ExtractionOptions = z.input<typeof extractionOptions> & ExtractionDocs;

/** Output of the network for each image: features `[count, 1024, height, width]` or logits `[count, classes]`. */
export interface FeatureMatrix {
  shape: number[];
  /** Values in row-major order. */
  data: Float32Array;
}

/** Images that the engine can have on a device. */
export interface ImagesOnDevice {
  onDevice(device: string, signal: AbortSignal): Promise<NativeDataset>;
  /** SHA-256 of their pixels; needed where several processes share the work. */
  pixelsSha256?(signal: AbortSignal): Promise<string>;
}

/** Inputs of a pass over images: the engine's model, its device, the images and the options. */
export interface Extraction {
  model: NativeModel;
  device: string;
  computation: Computation;
  images: ImagesOnDevice;
  options: z.output<typeof extractionOptions>;
}

/**
 * Computes features (backbone only) or logits (backbone and head) of images, which must not be disposed of meanwhile.
 * The processes of a job share the images out; every one gets the whole matrix.
 *
 * @throws the signal's reason, what the callback threw, or TorchTlError `OUT_OF_MEMORY` or `NATIVE_FAILURE`
 */
export async function extract(
  what: 'features' | 'logits',
  { model, device, computation, images, options }: Extraction,
  stopped: AbortSignal,
): Promise<FeatureMatrix> {
  const { batchSize, onProgress } = options;
  const processes = await processesOf(options, stopped);
  return together(processes, what, async () => {
    if (processes) await processes.agree(await factsOf({ model, computation, images, options }, stopped));
    const data = await images.onDevice(device, stopped);
    const tensor = await reportingTogether<ExtractionProgress, HostTensor>(
      processes,
      ({ done, total }) => onProgress?.(done, total),
      (report) => model[what](data, { batchSize, ...computation, group: processes?.group ?? null }, report),
      stopped,
    );
    return extracted(tensor);
  });
}

/** What all processes must have alike: they would mix what they compute. */
async function factsOf(
  { model, computation: { precision }, images, options }: Omit<Extraction, 'device'>,
  stopped: AbortSignal,
): Promise<Fact[]> {
  const state = await settle(() => model.state(), stopped);
  return [
    { name: 'batchSize', flag: '--batch-size', value: options.batchSize },
    { name: 'precision', flag: '--precision', value: precision },
    { name: 'the images', value: (await images.pixelsSha256?.(stopped)) ?? null },
    { name: 'the weights of the model', value: await sha256(state.map(({ data }) => data)) },
  ];
}

/** Views the engine's float32 tensor as a matrix, without a copy. */
export function extracted({ shape, data }: HostTensor): FeatureMatrix {
  return { shape, data: new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4) };
}
