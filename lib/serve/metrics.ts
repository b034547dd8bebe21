import type { Counter, Histogram, Registry } from 'prom-client';
import type { EndedBatch } from './batcher.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** What a batch computes. */
export type BatchKind = 'prediction' | 'heat';

/** What a service counts and measures, as Prometheus reads it. Each service has a registry of its own. */
export class ServiceMetrics {
  readonly #registry: Registry;
  readonly #requests: Counter<'route' | 'status'>;
  readonly #images: Counter<'outcome'>;
  readonly #batches: Counter<'kind'>;
  readonly #sizes: Histogram<'kind'>;
  readonly #waits: Histogram<'kind'>;
  readonly #seconds: Histogram<'kind'>;

  private constructor(prometheus: typeof import('prom-client'), waiting: () => number) {
    const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = prometheus;
    const registry = new Registry();
    const registers = [registry];
    const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
      new Counter({ name: `torch_tl_${name}`, help, labelNames, registers });
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `torch_tl_${name}`, help, labelNames: ['kind' as const], buckets, registers });
    collectDefaultMetrics({ register: registry });
    this.#registry = registry;
    this.#requests = counter('requests_total', 'Requests answered, by route and HTTP status.', [
      'route',
      'status',
    ]);
    this.#images = counter('images_total', 'Images that were classified or refused.', ['outcome']);
    this.#batches = counter('batches_total', 'Batches that the model computed.', ['kind']);
    this.#sizes = histogram('batch_size_images', 'Number of images of a batch.', SIZES);
    this.#waits = histogram(
      'queue_wait_seconds',
      'Time that an image waited for its batch to begin.',
      SECONDS,
    );
    this.#seconds = histogram('batch_seconds', 'Time that a batch took: decoding and computing.', SECONDS);
    new Gauge({
      name: 'torch_tl_waiting_images',
      help: 'Images that wait for a batch now.',
      registers,
      collect() {
        this.set(waiting());
      },
    });
  }

  /** @param waiting gives the number of images that wait now */
  static async create(waiting: () => number): Promise<ServiceMetrics> {
    return new ServiceMetrics((await import('prom-client')).default, waiting);
  }

  /** Content type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All figures in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  request(route: string, status: number): void {
    this.#requests.inc({ route, status });
  }

  images(outcome: 'classified' | 'refused', count = 1): void {
    this.#images.inc({ outcome }, count);
  }

  batch(kind: BatchKind, { size, waits, seconds }: EndedBatch): void {
    this.#batches.inc({ kind });
    this.#sizes.observe({ kind }, size);
    this.#seconds.observe({ kind }, seconds);
    for (const wait of waits) this.#waits.observe({ kind }, wait);
  }
}
