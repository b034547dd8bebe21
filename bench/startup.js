// How soon torch-tl answers, and how soon a training's first batch is done: `node bench/startup.js [rounds]`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interleave, median, printTable, root } from './measure.js';

const rounds = Number(process.argv[2] ?? 5);
const COMMAND = 'bin/torch-tl.js';
// A batch that costs next to nothing: what is left is the start.
const SMALL = ['--batch-size', '2'];
// A bar is shown on terminals alone.
const AS_ON_TERMINAL = ['--import', 'data:text/javascript,process.stdout.isTTY=true'];

/** Milliseconds that a call of Node takes. */
function whole(args) {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} failed: ${stderr}`);
  return Math.round(performance.now() - started);
}

/** Milliseconds from the start of `torch-tl run` until it shows its first batch, of features or of an epoch. */
async function firstBatch(args) {
  const out = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
  const started = performance.now();
  const run = [...AS_ON_TERMINAL, COMMAND, 'run', ...args, '--data', 'sample', '--out', out];
  const child = spawn(process.execPath, run, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    let shown = '';
    for await (const text of child.stdout.setEncoding('utf8')) {
      shown += text;
      if (/features [\d,]+\/|epoch 1\//.test(shown)) return Math.round(performance.now() - started);
    }
    throw new Error(`torch-tl run ${args.join(' ')} showed no batch: ${shown}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(out, { recursive: true, force: true });
  }
}

const measured = await interleave(rounds, {
  'Node itself, `node --eval ""`': () => whole(['--eval', '']),
  '`torch-tl --version`': () => whole([COMMAND, '--version']),
  '`torch-tl --help`': () => whole([COMMAND, '--help']),
  '`torch-tl run --help`': () => whole([COMMAND, 'run', '--help']),
  '`torch-tl run finetune`, the first 2 features': () => firstBatch(['finetune', ...SMALL]),
  '`torch-tl run finetune`, the first 128 features': () => firstBatch(['finetune']),
  '`torch-tl run base`, the first batch of 2': () => firstBatch(['base', ...SMALL]),
});
const rows = Object.entries(measured).map(([what, times]) => [what, median(times)]);
printTable(['until the end of', 'milliseconds'], rows);
