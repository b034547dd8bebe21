// How many images per second a service answers, and how long a client waits, on this machine alone: torch-tl serve with
// shared batches and with batches of one, and examples/http-service.js, each in a process of its own, with 1, 8 and 64
// connections. Every request is the same JPEG.
//
//     node bench/serve.js [--rounds 3] [--seconds 10] [--image-size 155] [--connections 1,8,64] [--threads N]
//                         [--candidates shared,single,example] [--memory 20000]
//
// --memory sends so many requests to each service and prints how large its process is before and after.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import sharp from 'sharp';
import { DenseNet121 } from '../dist/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    'image-size': { type: 'string', default: '155' },
    connections: { type: 'string', default: '1,8,64' },
    threads: { type: 'string', default: String(availableParallelism()) },
    candidates: { type: 'string', default: 'shared,single,example' },
    memory: { type: 'string' },
  },
});

const SERVE = ['bin/torch-tl.js', 'serve', '--port', '0', '--threads', values.threads, '--weights'];

/** Services by their names: arguments of Node before and after the model's file, and the path to post to. */
const CANDIDATES = {
  shared: { name: 'torch-tl serve', before: SERVE, after: [], path: 'predict?top=3' },
  single: {
    name: 'torch-tl serve --max-batch-size 1',
    before: SERVE,
    after: ['--max-batch-size', '1'],
    path: 'predict?top=3',
  },
  example: { name: 'examples/http-service.js', before: ['examples/http-service.js'], after: [], path: '' },
};

const directory = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const weights = join(directory, 'model.safetensors');
const model = await DenseNet121.create({
  classes: Array.from({ length: 10 }, (_, index) => `class ${index}`),
  head: 'linear',
  imageSize: Number(values['image-size']),
  device: 'cpu',
});
await model.save(weights);
model.dispose();
const image = await photograph();

const chosen = values.candidates.split(',').map((name) => CANDIDATES[name]);
if (values.memory) await growth();
else await speed();

async function speed() {
  const counts = values.connections.split(',').map(Number);
  const measured = new Map();
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const candidate of chosen) {
      await withService(candidate, async ({ url }) => {
        for (const connections of counts) {
          const key = `${connections} ${candidate.name}`;
          measured.set(key, [...(measured.get(key) ?? []), await load(url, { connections })]);
        }
      });
    }
  }
  console.log('| connections | service | images/s | p50 (ms) | p99 (ms) | refused |');
  console.log('|---|---|---|---|---|---|');
  for (const connections of counts) {
    for (const { name } of chosen) {
      const rounds = measured.get(`${connections} ${name}`);
      const middle = (field) => median(rounds.map((one) => one[field]));
      const figures = [middle('rate').toFixed(1), middle('p50').toFixed(0), middle('p99').toFixed(0)];
      console.log(`| ${connections} | ${name} | ${figures.join(' | ')} | ${middle('refused')} |`);
    }
  }
}

async function growth() {
  console.log('| service | requests | memory before (MB) | after 10 % | after all |');
  console.log('|---|---|---|---|---|');
  const amount = Number(values.memory);
  for (const candidate of chosen) {
    await withService(candidate, async ({ url, pid }) => {
      const sizes = [residentSize(pid)];
      for (const part of [0.1, 0.9]) {
        await load(url, { connections: 16, amount: Math.round(amount * part) });
        sizes.push(residentSize(pid));
      }
      console.log(`| ${candidate.name} | ${amount} | ${sizes.map((size) => size.toFixed(0)).join(' | ')} |`);
    });
  }
}

/** Sends requests after a short warm-up, for some seconds or until `amount` are answered. */
async function load(url, { connections, amount }) {
  const request = { url, connections, method: 'POST', body: image, timeout: 120 };
  await autocannon({ ...request, duration: 2 });
  const result = await autocannon({
    ...request,
    ...(amount ? { amount } : { duration: Number(values.seconds) }),
  });
  if (result.errors > 0) throw new Error(`${result.errors} requests to ${url} failed.`);
  return {
    rate: result['2xx'] / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    refused: result.non2xx,
  };
}

/** Runs work while a service runs. */
async function withService({ before, after, path }, work) {
  const child = spawn(process.execPath, [...before, weights, ...after], {
    cwd: root,
    env: { ...process.env, PORT: '0', OMP_NUM_THREADS: values.threads },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (part) => {
    complaints += part;
  });
  const url = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text += part;
      const [found] = /http:\S+/.exec(text) ?? [];
      if (found) resolve(found);
    });
    ended.then(() => reject(new Error(`The service ended: ${text}${complaints}`)));
  });
  try {
    await work({ url: url + path, pid: child.pid });
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

/** Resident size of a process in MB, from Linux's /proc. */
function residentSize(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

/** A JPEG of 640 x 480 pixels that is about as hard to decode as a photograph. */
function photograph() {
  const noise = { type: 'gaussian', mean: 128, sigma: 40 };
  const create = { width: 160, height: 120, channels: 3, background: '#888', noise };
  return sharp({ create }).resize(640, 480).jpeg({ quality: 85 }).toBuffer();
}

function median(numbers) {
  return numbers.sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
}
