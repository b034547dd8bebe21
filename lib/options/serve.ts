import { z } from 'zod';
import { InputError } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { readRegularTextSync } from '../support/regular-file.ts';
import { callback } from './check.ts';
import { predictRunOptions } from './inference.ts';
import { listenFields } from './listen.ts';
import { integer, number } from './range.ts';
import { commandLine } from './schema.ts';

const { weights, device, precision, threads, kernels } = predictRunOptions.shape;

/** Port of `torch-tl serve`, where none is given. It takes no other by itself: clients know it. */
const SERVE_PORT = 8080;

/** Largest number of pixels that `maxPixels` may allow: the decoder takes no more. */
const MOST_PIXELS = 2 ** 28;

const ORIGIN = '* or an origin such as https://example.org';

const TOKEN = 'a text of ASCII characters without spaces';
const IN_HEADER = /^[!-~]+$/;

const serviceFields = {
  maxBatchSize: integer(1, 4096).default(16).register(commandLine, {
    topic: 'Server',
    flags: '--max-batch-size <n>',
    description: 'maximum number of images that are classified together',
  }),
  maxBatchDelay: number(0, 60_000).default(5).register(commandLine, {
    topic: 'Server',
    flags: '--max-batch-delay <milliseconds>',
    description: 'maximum time in milliseconds that an image waits for others of its batch',
  }),
  maxQueue: integer(1).default(64).register(commandLine, {
    topic: 'Server',
    flags: '--max-queue <n>',
    description: 'maximum number of images that wait for a batch; a request beyond it is answered with 503',
  }),
  maxImages: integer(1, 10_000).default(32).register(commandLine, {
    topic: 'Server',
    flags: '--max-images <n>',
    description: 'maximum number of images in one request, and no more than --max-queue',
  }),
  maxBodySize: integer(1, 2 ** 30)
    .default(16 * 2 ** 20)
    .register(commandLine, {
      topic: 'Server',
      flags: '--max-body-size <bytes>',
      description: "maximum size of a request's body in bytes",
    }),
  maxPixels: integer(1, MOST_PIXELS).default(50_000_000).register(commandLine, {
    topic: 'Server',
    flags: '--max-pixels <n>',
    description: 'maximum number of pixels of an image',
  }),
  token: z.string({ error: TOKEN }).regex(IN_HEADER, { error: TOKEN }).optional().register(commandLine, {
    topic: 'Server',
    flags: '--token <token|@file>',
    description:
      'token that requests must bring, as Authorization: Bearer TOKEN; @FILE reads it from a file (default: none)',
    read: tokenFromText,
  }),
  cors: z
    .string({ error: ORIGIN })
    .refine((origin) => origin === '*' || isOrigin(origin), { error: ORIGIN })
    .optional()
    .register(commandLine, {
      topic: 'Server',
      flags: '--cors <origin>',
      description:
        'origin whose pages may read the answers, such as https://example.org; * for all (default: none)',
    }),
};

/** Options of `servePredictions`. */
export const serviceOptions = z.strictObject({
  precision,
  threads,
  kernels,
  ...serviceFields,
  maxImages: serviceFields.maxImages.describe(
    'maximum number of images in one request, and no more than `maxQueue`',
  ),
  token: serviceFields.token.describe('token that requests must bring, as `Authorization: Bearer TOKEN`'),
  onError: callback<(error: Error) => void>().describe(
    "called with each error that is not the client's; without it they are printed on stderr",
  ),
});

/** Options of a service's `listen`. */
export const serviceListenOptions = z.strictObject({
  host: listenFields(SERVE_PORT).host,
  port: integer(0, 65_535).default(SERVE_PORT).register(commandLine, {
    topic: 'Server',
    flags: '--port <n>',
    description: 'port to listen on; 0 takes a free one',
  }),
});

/** Options of `torch-tl serve`. */
export const serveRunOptions = z.strictObject({
  weights,
  device,
  precision,
  threads,
  kernels,
  ...serviceListenOptions.shape,
  ...serviceFields,
});

/**
 * Reads the value of `--token`: the token, or `@` and the path of a file that holds it.
 *
 * @throws InputError `FILE_UNREADABLE`, or `INVALID_ARGUMENT` for a file without a token
 */
function tokenFromText(value: string): string {
  if (!value.startsWith('@')) return value;
  const path = value.slice(1);
  const token = read(path).trim();
  if (IN_HEADER.test(token)) return token;
  // What the file holds is a secret, also where it is no token.
  const problem = token === '' ? 'holds no token' : 'holds more than a token';
  throw new InputError('INVALID_ARGUMENT', `${path} ${problem}; --token @FILE needs a file with ${TOKEN}.`);
}

function read(path: string): string {
  try {
    return readRegularTextSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}
