/*
 * What the page on which people try a model asks its server. A picture is sent as a file of a form, because then the
 * server answers a broken one with its error beside its name, and no failed request.
 */

export interface RankedClass {
  label: string;
  probability: number;
}

export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Heat {
  label: string;
  width: number;
  height: number;
  map: number[];
}

export interface Answer extends RankedClass {
  top: RankedClass[];
  width: number;
  height: number;
  seen: Rectangle;
  heat?: Heat;
}

export interface Failure {
  error: { code: string; message: string };
}

export interface Model {
  classes: string[];
  imageSize: number;
  resize: 'cover' | 'contain' | 'stretch';
  weights: { name: string } | null;
  device: string;
  precision: string;
}

/** Number of requests at once. The server puts their pictures into common batches. */
const AT_ONCE = 4;

/** Number of times that a busy server is asked again for one picture. */
const TRIES = 5;

/** Bytes that a form has beside its file. */
const FORM = 1024;

/** What every request needs. The token is kept here only, and so until the page is left. */
export const settings = { token: '', maxBodySize: Number.POSITIVE_INFINITY };

/** Work that waits until fewer requests are open. */
const queue: Array<() => Promise<void>> = [];
let running = 0;

export class Refused extends Error {
  readonly status: number;
  readonly retryAfter: number;

  constructor(status: number, message: string, retryAfter: number) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export async function ask<Result>(path: string, init: RequestInit = {}): Promise<Result> {
  const headers = settings.token ? { authorization: `Bearer ${settings.token}` } : {};
  const response = await fetch(path, { ...init, headers }).catch(() => {
    throw new Error('The server does not answer.');
  });
  const body = (await response.json()) as Result & Partial<Failure>;
  if (response.ok) return body;
  const retryAfter = Number(response.headers.get('retry-after') ?? 1);
  throw new Refused(response.status, body.error?.message ?? response.statusText, retryAfter);
}

/** Asks for a prediction, again if the server is busy. */
export async function predict(file: File, heat: boolean): Promise<Answer> {
  if (file.size + FORM > settings.maxBodySize)
    throw new Error(
      `The file is larger than ${Math.floor(settings.maxBodySize / 1e6)} MB, the maximum of this server.`,
    );
  const body = new FormData();
  body.append('image', file);
  for (let tries = 1; ; tries++) {
    try {
      const { predictions } = await ask<{ predictions: [Answer | Failure] }>(
        `predict${heat ? '?heat=1' : ''}`,
        {
          method: 'POST',
          body,
        },
      );
      if ('error' in predictions[0]) throw new Error(predictions[0].error.message);
      return predictions[0];
    } catch (error) {
      if (!(error instanceof Refused && error.status === 503 && tries < TRIES)) throw error;
      const { retryAfter } = error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * retryAfter));
    }
  }
}

/** Runs work after what was queued before it. */
export function later(work: () => Promise<void>): void {
  queue.push(work);
  next();
}

function next(): void {
  if (running >= AT_ONCE) return;
  const work = queue.shift();
  if (!work) return;
  running += 1;
  void work().finally(() => {
    running -= 1;
    next();
  });
}
