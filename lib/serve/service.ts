import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { DenseNet121 } from '../densenet121.ts';
import { invalidArgument } from '../errors.ts';
import type { ServiceDocs, ServiceListenDocs } from '../options/docs.ts';
import { checkOptions, serviceListenOptions, serviceOptions } from '../options/index.ts';
import { RequestError } from '../web/request-error.ts';
import { listen, webServer } from '../web/web-server.ts';
import { Classifier } from './classifier.ts';
import { ServiceMetrics } from './metrics.ts';
import { addPage } from './page.ts';
import { RequestsInHand } from './requests-in-hand.ts';
import { addRoutes } from './routes.ts';
import { acceptUploads } from './uploads.ts';

export type ServiceOptions = z.input<typeof serviceOptions> & ServiceDocs;
export type ServiceListenOptions = z.input<typeof serviceListenOptions> & ServiceListenDocs;

/** Time in milliseconds within which a request must have arrived: 16 MiB at 2.2 Mbit/s. */
const REQUEST_TIMEOUT = 60_000;

/** Time in milliseconds that uploads get to arrive when a service ends. */
const GRACE = 5000;

/** A service that answers HTTP requests with a model's predictions. `servePredictions` makes one. */
export class PredictionService {
  readonly #app: FastifyInstance;
  readonly #inHand: RequestsInHand;
  #closed: Promise<void> | undefined;

  private constructor(app: FastifyInstance, inHand: RequestsInHand) {
    this.#app = app;
    this.#inHand = inHand;
  }

  /** @internal */
  static async create(
    model: DenseNet121,
    options: z.output<typeof serviceOptions>,
  ): Promise<PredictionService> {
    const { onError = (error) => console.error(error) } = options;
    const limits = { ...options, maxImages: Math.min(options.maxImages, options.maxQueue) };
    const app = await webServer({
      bodyLimit: options.maxBodySize,
      requestTimeout: REQUEST_TIMEOUT,
      corsOrigin: options.cors,
      onError,
    });
    const inHand = new RequestsInHand();
    const service = new PredictionService(app, inHand);
    const classifier = new Classifier(model, limits, () => metrics);
    const metrics = await ServiceMetrics.create(() => classifier.waiting);
    app.addHook('onRequest', async (request, reply) => {
      inHand.add(request.raw, reply.raw);
      service.#requireOpen();
    });
    app.addHook('onSend', async (_request, reply) => {
      if (service.#closed) reply.header('connection', 'close');
    });
    app.addHook('onResponse', async ({ routeOptions }, { statusCode }) =>
      metrics.request(routeOptions.url ?? 'unknown', statusCode),
    );
    await acceptUploads(app, limits);
    addRoutes(app, model, { classifier, metrics }, limits);
    await addPage(app, limits);
    await app.ready();
    return service;
  }

  /**
   * Answers a request of another server, such as one of `node:http` or Express. It may be mounted under a path, if the
   * server takes that path away from the beginning of `request.url`.
   */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    this.#app.routing(request, response);
  };

  /**
   * Listens. At an address of the loopback interface only requests that name this machine as their host are answered.
   *
   * @returns the service's URL
   * @throws InputError `INVALID_ARGUMENT`; `LISTEN_FAILED` if the address is taken or not to be had
   */
  async listen(options: ServiceListenOptions = {}): Promise<string> {
    const { host, port } = checkOptions(serviceListenOptions, options);
    return listen(this.#app, { host, port });
  }

  /**
   * Ends the service. Requests that have arrived are answered, those that are still arriving get five seconds, and new
   * ones are refused with 503. The model is not disposed of.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { server } = this.#app;
    const stopped = this.#app.close();
    await this.#inHand.answered(GRACE);
    server.closeAllConnections();
    await stopped;
  }

  #requireOpen(): void {
    if (this.#closed)
      throw new RequestError(503, 'SERVER_BUSY', 'This server is ending.', { headers: RETRY });
  }
}

const RETRY = { 'retry-after': '5' };

/**
 * Makes a service of a model's predictions: a page to try it, `POST /predict`, `GET /model`, `/health` and `/metrics`.
 * Concurrent requests share batches. An image gets the same prediction as from `model.predict`: on a processor with AVX2
 * to the bit, elsewhere but for the last digits. The model may be used for other work too, and is not disposed of.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
export async function servePredictions(
  model: DenseNet121,
  options: ServiceOptions = {},
): Promise<PredictionService> {
  if (!(model instanceof DenseNet121)) throw invalidArgument('model', 'a DenseNet121', model);
  return PredictionService.create(model, checkOptions(serviceOptions, options));
}
