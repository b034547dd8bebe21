// What the benchmarks share: programs run one after another in processes of their own, and tables.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** glibc's thresholds for tensors: without them PyTorch pays page faults for every large one. */
export const TUNED_MALLOC = {
  MALLOC_MMAP_THRESHOLD_: '4294967296',
  MALLOC_TRIM_THRESHOLD_: '8589934592',
  MALLOC_TOP_PAD_: '268435456',
};

/** Runs `torch-tl run ...` in a directory that goes again, and gives what `use` makes of results and directory. */
export async function torchTlRun(args, use, env = {}) {
  const out = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
  try {
    const command = ['bin/torch-tl.js', 'run', ...args, '--out', out, '--json'].map(String);
    return await use(json(process.execPath, command, env), out);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Runs a script of bench/pytorch and gives its line of JSON. `PYTHON` names the Python to use. */
export function pytorch(script, args, env = {}) {
  return json(process.env.PYTHON ?? 'python3', [join('bench', 'pytorch', script), ...args], env);
}

function json(command, args, env) {
  const options = { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8', maxBuffer: 2 ** 26 };
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error ?? stderr}`);
  return JSON.parse(stdout);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Measures each of several candidates in turn, `rounds` times: a list of measurements by name. */
export async function interleave(rounds, candidates) {
  const measured = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, measure] of Object.entries(candidates)) {
      measured[name].push(await measure());
      console.error(`round ${round}/${rounds}: ${name}: ${JSON.stringify(measured[name].at(-1))}`);
    }
  }
  return measured;
}

export function printTable(heading, rows) {
  console.log(
    `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  for (const row of [heading, heading.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
}
