import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { fileServer, stall, whole } from '../../support/file-server.ts';
import { writeRun } from '../../support/run-files.ts';
import { savedModel } from '../../support/saved-model.ts';
import { hashOf } from '../injection/scenarios.ts';
import { filesUnder, type Job } from './jobs.ts';

/*
 * The commands that wait for the network: a download, and servers, which run until they are stopped.
 */

const CONTENT = Buffer.alloc(1 << 20, 'weights');
/** Bytes that arrive before something happens to a download. */
export const HALF = CONTENT.length / 2;
const FILE = 'densenet121-imagenet.safetensors';

/** Sends the first half, and a second later the rest. */
const slowly: RequestListener = (request, response) => {
  if (request.headers.range !== undefined) return whole(CONTENT)(request, response);
  response.writeHead(200, { 'content-length': CONTENT.length });
  response.write(CONTENT.subarray(0, HALF));
  setTimeout(() => response.end(CONTENT.subarray(HALF)), 1000);
};

const module = (path: string) => JSON.stringify(new URL(`../../../dist/${path}`, import.meta.url).href);

/** Downloads from this machine, for the catalogue's addresses are elsewhere. */
function downloading(url: string, cwd: string): string {
  const sha256 = createHash('sha256').update(CONTENT).digest('hex');
  return `
    process.env.TORCH_TL_CACHE = ${JSON.stringify(join(cwd, 'cache'))};
    const { CATALOGUE } = await import(${module('weights/catalogue.js')});
    const { main } = await import(${module('cli/main.js')});
    const named = CATALOGUE.find(({ name }) => name === 'imagenet');
    Object.assign(named, ${JSON.stringify({ url, sha256 })});
    process.exitCode = await main(['weights', 'download', 'imagenet']);`;
}

const server = {
  kind: 'server',
  isUnderWay: ({ stdout }) => stdout.includes('http:'),
  outcome: () => null,
} as const satisfies Partial<Job>;

export const NETWORK_JOBS: Record<string, Job> = {
  'weights download': {
    kind: 'download',
    words: [],
    args: async (cwd, pace) => {
      const { url } = await fileServer(pace === 'short' ? slowly : stall(CONTENT, HALF), whole(CONTENT));
      return ['--input-type=module', '--eval', downloading(url, cwd)];
    },
    isProgram: true,
    isUnderWay: ({ cwd }) => filesUnder(join(cwd, 'cache')).some(({ size }) => size === HALF),
    output: 'cache/weights',
    outcome: (cwd) => hashOf(join(cwd, 'cache', 'weights', FILE)),
  },
  serve: {
    ...server,
    words: ['serve'],
    args: async (_, pace) => [
      ...['serve', '--weights', await savedModel(), '--port', '0'],
      // A request stays in hand for a minute.
      ...(pace === 'slow' ? ['--max-batch-delay', '60000'] : []),
    ],
  },
  watch: {
    ...server,
    words: ['watch'],
    args: async (cwd) => {
      writeRun(join(cwd, 'runs', 'one'));
      return ['watch', '--port', '0'];
    },
    isPrompt: true,
  },
};
