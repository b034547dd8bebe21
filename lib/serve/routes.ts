import type { IncomingHttpHeaders } from 'node:http';
import { basename } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DenseNet121 } from '../densenet121.ts';
import { computationOf } from '../engine/precision.ts';
import type { InputError } from '../errors.ts';
import { numberFromText } from '../options/from-text.ts';
import { checkOptions, integer } from '../options/index.ts';
import { packageVersion } from '../support/version.ts';
import { RequestError } from '../web/request-error.ts';
import type { ImageAnswer, ModelAnswer, NamedAnswer } from './answers.ts';
import type { Classifier, ClassifierOptions, Wanted } from './classifier.ts';
import type { ServiceMetrics } from './metrics.ts';
import { requireToken } from './token.ts';
import { filesOf, type NamedFile, tooLarge, type UploadLimits } from './uploads.ts';

export interface RouteOptions extends ClassifierOptions, UploadLimits {
  token?: string | undefined;
  cors?: string | undefined;
}

const HEAT = '0 or 1';

/** What may stand after the question mark of `POST /predict`. */
const query = z.strictObject({
  top: integer(1).default(5),
  heat: z.enum(['0', '1'], { error: HEAT }).default('0'),
});

/** Adds what programs ask a service for. All but `/health` needs the token, if there is one. */
export function addRoutes(
  app: FastifyInstance,
  model: DenseNet121,
  { classifier, metrics }: { classifier: Classifier; metrics: ServiceMetrics },
  options: RouteOptions,
): void {
  const onRequest = requireToken(options.token);

  app.get('/health', async () => ({ status: 'up', waiting: classifier.waiting }));

  app.get('/model', { onRequest }, async () => modelAnswer(model, options));

  app.get('/metrics', { onRequest }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );

  const early = async ({ headers }: FastifyRequest) => {
    // Before the body has arrived.
    if (isOfForeignPage(headers, options.cors)) {
      const message = 'Pages of other origins may not use this server.';
      throw new RequestError(403, 'REQUEST_INVALID', message);
    }
    if (Number(headers['content-length']) > options.maxBodySize) throw tooLarge(options.maxBodySize);
    classifier.requireRoom(1);
  };
  app.post('/predict', { onRequest: [onRequest, early] }, async (request, reply) => {
    const wanted = wantedOf(request);
    const gone = disconnection(reply);
    return request.isMultipart()
      ? { predictions: await classifyFiles(await filesOf(request, options), wanted, gone) }
      : classifyBody(request.body, wanted, gone);
  });

  async function classifyBody(body: unknown, wanted: Wanted, gone: AbortSignal): Promise<ImageAnswer> {
    try {
      const accepted = await classifier.accept(body instanceof Buffer ? body : Buffer.alloc(0));
      classifier.requireRoom(1);
      const answer = await classifier.classify(accepted, wanted, gone);
      metrics.images('classified');
      return answer;
    } catch (error) {
      if (isOfImage(error)) metrics.images('refused');
      throw error;
    }
  }

  async function classifyFiles(
    files: NamedFile[],
    wanted: Wanted,
    gone: AbortSignal,
  ): Promise<NamedAnswer[]> {
    const accepted = await Promise.allSettled(files.map(({ bytes }) => classifier.accept(bytes)));
    classifier.requireRoom(accepted.filter(({ status }) => status === 'fulfilled').length);
    const answers = accepted.map(async (outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return classifier.classify(outcome.value, wanted, gone);
    });
    const outcomes = await Promise.allSettled(answers);
    return outcomes.map((outcome, index) => {
      const { name } = files[index] as NamedFile;
      if (outcome.status === 'fulfilled') {
        metrics.images('classified');
        return { name, ...outcome.value };
      }
      const error: unknown = outcome.reason;
      if (!isOfImage(error)) throw error;
      metrics.images('refused');
      return { name, error: { code: error.code, message: error.message } };
    });
  }
}

/**
 * Whether a page of another origin that is not allowed sent a request. Browsers say so of every request, also of those
 * that they send without asking first and whose answers the page cannot read. Another origin may be of the same site: a
 * neighbouring subdomain, or another port of this machine.
 */
function isOfForeignPage(headers: IncomingHttpHeaders, cors: string | undefined): boolean {
  const site = headers['sec-fetch-site'];
  if (cors === '*' || (site !== 'cross-site' && site !== 'same-site')) return false;
  return cors === undefined || headers.origin !== cors;
}

/** Whether an error says what is wrong with one image, so that others may be classified. */
function isOfImage(error: unknown): error is InputError {
  return (
    error instanceof RequestError && (error.code === 'DATA_INVALID' || error.code === 'REQUEST_TOO_LARGE')
  );
}

function wantedOf(request: FastifyRequest): Wanted {
  const { top, ...others } = request.query as Record<string, unknown>;
  const number = typeof top === 'string' ? numberFromText(top) : top;
  const { top: count, heat } = checkOptions(query, {
    ...others,
    ...(top === undefined ? {} : { top: number }),
  });
  return { top: count, heat: heat === '1' };
}

/** A signal that aborts when the client is gone before it has its answer. */
function disconnection({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished)
      controller.abort(new RequestError(400, 'REQUEST_INVALID', 'The client did not wait for its answer.'));
  });
  return controller.signal;
}

function modelAnswer(model: DenseNet121, options: RouteOptions): ModelAnswer {
  const { classes, imageSize, resize, weights, device } = model;
  const { maxBodySize, maxImages, maxPixels } = options;
  return {
    classes,
    imageSize,
    resize,
    // A client need not learn of the server's folders.
    weights: weights && { name: basename(weights.source), sha256: weights.sha256 },
    device,
    precision: computationOf(options, device).precision,
    version: packageVersion(),
    limits: { maxBodySize, maxImages, maxPixels },
  };
}
