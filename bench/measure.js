// What the benchmarks share: programs run one after another in processes of their own, and tables.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout: where programs run. */
export const root = fileURLToPath(new URL('..', import.meta.url));

// A run must not find the features of the run before.
process.env.TORCH_TL_CACHE_LIMIT = '0';

/** glibc's thresholds for tensors: without them PyTorch pays page faults for every large one. */
export const TUNED_MALLOC = {
  MALLOC_MMAP_THRESHOLD_: '4294967296',
  MALLOC_TRIM_THRESHOLD_: '8589934592',
  MALLOC_TOP_PAD_: '268435456',
};

/** Runs a command of torch-tl and gives what it printed, and the most memory that it had, in bytes. */
export function torchTl(args, env = {}) {
  return node('bin/torch-tl.js', args, env);
}

/**
 * Runs `torch-tl run ...` in a directory that goes again, and gives what `use` makes of its results, to which the
 * peak memory is added, and of the directory.
 */
export async function torchTlRun(args, use, env = {}) {
  const out = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
  try {
    const { stdout, peakMemory } = torchTl(['run', ...args, '--out', out, '--json'], env);
    return await use({ ...JSON.parse(stdout), peakMemory }, out);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Runs a program of bench/ that prints JSON, and gives that. */
export function program(script, args) {
  return JSON.parse(node(join('bench', script), args, {}).stdout);
}

/** Runs a script of bench/pytorch and gives its line of JSON. `PYTHON` names the Python to use. */
export function pytorch(script, args, env = {}) {
  const python = process.env.PYTHON ?? 'python3';
  return JSON.parse(execute(python, [join('bench', 'pytorch', script), ...args], env).stdout);
}

function node(script, args, env) {
  const { stdout, streams } = execute(
    process.execPath,
    ['--import', './bench/peak-memory.js', script, ...args],
    env,
  );
  return { stdout, peakMemory: Number(streams[3]) };
}

function execute(command, args, env) {
  const words = args.map(String);
  const { status, stdout, stderr, output, error } = spawnSync(command, words, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  if (error || status !== 0) throw new Error(`${command} ${words.join(' ')} failed:\n${error ?? stderr}`);
  return { stdout, streams: output };
}

export function median(values) {
  return percentile(values, 50);
}

/** Between the two nearest values where it falls between them. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = ((sorted.length - 1) * percent) / 100;
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (above - below) * (place % 1);
}

export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Measures each of several candidates in turn, `rounds` times: a list of measurements by name. Where one that is
 * `optional` fails, the reason is printed, and it is left out.
 */
export async function interleave(rounds, candidates, optional = () => false) {
  const measured = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of Object.keys(measured)) {
      try {
        measured[name].push(await candidates[name]());
        console.error(`round ${round}/${rounds}: ${name}: ${JSON.stringify(measured[name].at(-1))}`);
      } catch (error) {
        if (!optional(name)) throw error;
        console.error(`round ${round}/${rounds}: ${name}: ${error.message}`);
        console.log(`Left out: ${name}: ${reasonOf(error)}\n`);
        delete measured[name];
      }
    }
  }
  return measured;
}

/** Of a traceback the line that names the exception. */
function reasonOf({ message }) {
  const lines = message.trim().split('\n');
  return lines.findLast((line) => /^[\w.]+: /.test(line)) ?? lines.at(-1);
}

/**
 * The parts of `a,b`.
 *
 * @throws Error for one that is none of `known`
 */
export function listOf(text, known) {
  const parts = text.split(',');
  const unknown = known && parts.find((part) => !known.includes(part));
  if (unknown !== undefined) throw new Error(`'${unknown}' is none of ${known.join(', ')}`);
  return parts;
}

/** Where and when the tables below were measured. */
export function printMachine() {
  const { engine } = JSON.parse(torchTl(['doctor', '--json']).stdout);
  const processor = `${cpus()[0].model}, ${cpus().length} cores`;
  const versions = `Node ${process.version}, LibTorch ${engine.libtorch}`;
  console.log(`${processor}, ${versions}, ${new Date().toISOString().slice(0, 10)}\n`);
}

/** The median of the runs' peak memory. */
export function memoryOf(runs) {
  return `${median(runs.map((run) => run.peakMemory / 1e9)).toFixed(2)} GB`;
}

export function printTable(heading, rows) {
  for (const row of [heading, heading.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
}
