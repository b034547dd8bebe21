/*
 * Runs a target of test/fuzz guided by coverage. `npm run fuzz` installs Jazzer.js and runs this script.
 *
 *   npm run fuzz -- TARGET [SECONDS]
 *
 * It stops at the first finding, writes its input to scripts/fuzz/work, and exits with a code other than 0. Inputs that
 * reach new code are kept there too, and the next run goes on from them.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const here = join(root, 'scripts', 'fuzz');
const require = createRequire(import.meta.url);

const TARGETS = readdirSync(join(root, 'test', 'fuzz', 'targets')).map((name) => name.replace(/\.ts$/, ''));

/** Longest input in bytes: a batch of CIFAR-10 has at least 3073. */
const LONGEST = 8192;

/** Seconds on the clock after which an input hangs. The target itself measures the processor's time, and is stricter. */
const HANG = 60;

const [target = '', seconds = '3600'] = process.argv.slice(2);
const problem = problemOfArguments() ?? problemOfJazzer();
if (problem === null) start();
else {
  console.error(problem);
  process.exitCode = 2;
}

function problemOfArguments() {
  if (!TARGETS.includes(target))
    return `npm run fuzz -- TARGET [SECONDS]\nThe targets are ${TARGETS.join(', ')}.`;
  return /^[1-9]\d*$/.test(seconds) ? null : `SECONDS must be an integer of at least 1, not ${seconds}.`;
}

/** Jazzer.js 4 comes as a binary that needs a newer glibc than some systems have. */
function problemOfJazzer() {
  try {
    require('@jazzer.js/fuzzer');
    return null;
  } catch ({ message }) {
    const [, needed] = /version `GLIBC_([\d.]+)' not found/.exec(message) ?? [];
    if (needed === undefined) return `Jazzer.js cannot be loaded here: ${message}`;
    return (
      `Jazzer.js needs glibc ${needed} or later, and this system has ${glibc()}. Run it on a newer system, or start ` +
      'Node.js by the loader of a newer glibc, as docs/reliability.md says.'
    );
  }
}

function glibc() {
  return process.report.getReport().header.glibcVersionRuntime ?? 'another libc';
}

function start() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync('node', [tsc, '-p', here], { stdio: 'inherit' });
  // Reports name the package's version.
  copyFileSync(join(root, 'package.json'), join(here, 'build', 'package.json'));
  const found = join(here, 'work', target);
  mkdirSync(found, { recursive: true });
  process.env.FUZZ_TARGET = target;
  process.env.FUZZ_ROOT = root;
  const corpus = join(root, 'test', 'fuzz', 'corpus', target);
  const instrumented = ['-i', 'scripts/fuzz/build/lib/', '-i', 'csv-parse'];
  const jazzer = [join(here, 'build', 'test', 'fuzz', 'jazzer'), found, corpus, ...instrumented];
  const limits = [`-max_total_time=${seconds}`, `-max_len=${LONGEST}`, '-rss_limit_mb=8192'];
  const dictionary = join(root, 'test', 'fuzz', 'dictionary.txt');
  const output = [`-artifact_prefix=${found}-`, '-print_final_stats=1'];
  const libFuzzer = [...limits, `-dict=${dictionary}`, ...output];
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...jazzer, `--timeout=${HANG * 1000}`, '--', ...libFuzzer);
  require('@jazzer.js/core/dist/cli.js');
}
