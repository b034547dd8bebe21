import { onTestFinished } from 'vitest';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { DenseNet121 as Model } from '../../lib/densenet121.ts';
import type { ImageAnswer, NamedAnswer } from '../../lib/serve/answers.ts';
import { type PredictionService, type ServiceOptions, servePredictions } from '../../lib/serve/service.ts';
import { bands, type Colour, encode } from './images.ts';
import { savedModel } from './saved-model.ts';

/** What a service answers to a request for a prediction. */
export interface Answered {
  status: number;
  headers: Headers;
  body: ImageAnswer & { predictions: NamedAnswer[]; error: { code: string; message: string } };
}

/** A service of a model that is loaded for it, both closed when the running test ends. */
export async function startedService(options: ServiceOptions = {}): Promise<{
  model: DenseNet121;
  service: PredictionService;
  url: string;
  errors: Error[];
}> {
  const model = await Model.load(await savedModel());
  const errors: Error[] = [];
  const service = await servePredictions(model, { onError: (error) => errors.push(error), ...options });
  onTestFinished(async () => {
    await service.close();
    model.dispose();
  });
  return { model, service, url: await service.listen({ port: 0 }), errors };
}

/** Sends an image's bytes, or a form of files. */
export async function post(
  url: string,
  body: Uint8Array<ArrayBuffer> | FormData,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const response = await fetch(url, { method: 'POST', body, headers });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answered['body'],
  };
}

/** A PNG of vertical bands; different colours are different images. */
export async function picture(
  colours: Colour[],
  { width = 60, height = 40 }: { width?: number; height?: number } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(
    await encode(bands(colours, width, height))
      .png()
      .toBuffer(),
  );
}

/** A form of files by their names. */
export function formOf(files: Record<string, Uint8Array<ArrayBuffer>>): FormData {
  const form = new FormData();
  for (const [name, bytes] of Object.entries(files)) form.append('image', new Blob([bytes]), name);
  return form;
}

/** The value of a figure of `/metrics`, such as `torch_tl_batches_total{kind="heat"}`. */
export async function figure(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}
