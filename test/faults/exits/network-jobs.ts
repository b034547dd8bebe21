import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { filesUnder, hashesIn, hashOf } from '../../support/file-hashes.ts';
import { fileServer, stall, whole } from '../../support/file-server.ts';
import { freePort } from '../../support/free-port.ts';
import { archive, installArguments } from '../../support/libtorch-archive.ts';
import { writeRun } from '../../support/run-files.ts';
import { savedModel } from '../../support/saved-model.ts';
import type { Job, Pace } from './jobs.ts';

/*
 * The commands that wait for the network: a download, and servers, which run until they are stopped.
 */

const CONTENT = Buffer.alloc(1 << 20, 'weights');
/** Bytes that arrive before something happens to a download. */
export const HALF = CONTENT.length / 2;
const FILE = 'densenet121-imagenet.safetensors';

/** Serves a file: its first half, and the rest a second later, or on a second request. */
async function halting(content: Buffer, pace: Pace): Promise<string> {
  const slowly: RequestListener = (request, response) => {
    if (request.headers.range !== undefined) return whole(content)(request, response);
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, HALF));
    setTimeout(() => response.end(content.subarray(HALF)), 1000);
  };
  const first = pace === 'short' ? slowly : stall(content, HALF);
  return (await fileServer(first, whole(content))).url;
}

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

const download = {
  kind: 'download',
  words: [],
  isProgram: true,
  isPrompt: true,
  isUnderWay: ({ cwd }) => filesUnder(join(cwd, 'cache')).some(({ size }) => size === HALF),
} as const satisfies Partial<Job>;

/** The ports of servers, by their directories: what they print may go where nobody reads it. */
const ports = new Map<string, number>();

async function portFor(cwd: string): Promise<string> {
  ports.set(cwd, await freePort());
  return String(ports.get(cwd));
}

/** Whether a process listens at a port of this machine. */
function isListening(port: number): boolean {
  const place = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const sockets = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return sockets.some((socket) => socket.includes(`${place}00000000:0000 0A`));
}

const server = {
  kind: 'server',
  url: (cwd) => `http://127.0.0.1:${ports.get(cwd)}/`,
  isUnderWay: ({ cwd }) => isListening(ports.get(cwd) as number),
  outcome: () => null,
} as const satisfies Partial<Job>;

export const NETWORK_JOBS: Record<string, Job> = {
  'weights download': {
    ...download,
    args: async (cwd, pace) => {
      return ['--input-type=module', '--eval', downloading(await halting(CONTENT, pace), cwd)];
    },
    output: 'cache/weights',
    outcome: (cwd) => hashOf(join(cwd, 'cache', 'weights', FILE)),
  },
  'libtorch install': {
    ...download,
    args: async (cwd, pace) => installArguments(await halting(archive(), pace), join(cwd, 'cache')),
    output: 'cache',
    outcome: (cwd) => hashesIn(join(cwd, 'cache')),
  },
  serve: {
    ...server,
    words: ['serve'],
    args: async (cwd, pace) => [
      ...['serve', '--weights', await savedModel(), '--port', await portFor(cwd)],
      // A request stays in hand for a minute.
      ...(pace === 'slow' ? ['--max-batch-delay', '60000'] : []),
    ],
  },
  watch: {
    ...server,
    words: ['watch'],
    args: async (cwd) => {
      writeRun(join(cwd, 'runs', 'one'));
      return ['watch', '--port', await portFor(cwd)];
    },
    isPrompt: true,
  },
};
