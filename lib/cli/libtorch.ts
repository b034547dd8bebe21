import { type Command, Option } from 'commander';
import { builtMinors } from '../addon/engines.ts';
import { bytesIn, cachedLibTorches, unfinished } from '../libtorch/cache.ts';
import { chooseInstallation, type InstallRequest, installLibTorch } from '../libtorch/install.ts';
import { type Candidate, findCandidates } from '../libtorch/locate.ts';
import { findNvidiaDriver, type NvidiaDriver } from '../libtorch/nvidia.ts';
import { removeLibTorch } from '../libtorch/remove.ts';
import { DEFAULT_MINOR, fullVersion } from '../libtorch/version.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { duration, size } from '../support/format.ts';
import { packageRoot } from '../support/package-root.ts';
import { shown, shownJson } from '../support/printable.ts';
import { addExamples } from './examples.ts';
import { interruptible } from './interrupt.ts';
import { candidateText } from './libtorch-text.ts';
import { print } from './output.ts';
import { progressOn } from './progress.ts';
import { wrap } from './wrap.ts';

/** What `torch-tl libtorch status --json` prints. */
export interface LibTorchStatus {
  /** Every place in the search order; the one that is used is `accepted`. */
  candidates: Candidate[];
  cache: {
    directory: string;
    /** `problem` says why one cannot be used. */
    versions: Array<{ version: string; bytes: number; problem: string | null }>;
    /** What installations that were broken off left. */
    unfinishedBytes: number;
  };
  nvidia: NvidiaDriver | null;
  /** What `torch-tl libtorch install` fetches, and why this one. */
  install: { version: string; reason: string };
}

/** Defines `torch-tl libtorch install|status|remove`. */
export function define(libtorch: Command): void {
  const install = libtorch
    .command('install')
    .description(
      'fetch LibTorch into the cache: with CUDA where the NVIDIA driver can use it, else for the CPU',
    )
    .addOption(new Option('--cpu', 'the build for the CPU').conflicts('cuda'))
    .option('--cuda', 'the build with CUDA, whatever this machine has')
    .option('--version <version>', 'which one, such as 2.13, 2.13.0 or 2.13.0+cu126')
    .option('--force', 'fetch it anew where it is in the cache already', false)
    .action(installAsked);
  const status = libtorch
    .command('status')
    .description('show which LibTorch there are, which is used, and what the cache holds')
    .option('--json', 'print one JSON document', false)
    .action(({ json }: { json: boolean }) => {
      const status = examine();
      print(json ? shownJson(status) : wrap(describe(status), process.stdout.columns));
    });
  const remove = libtorch
    .command('remove')
    .description('remove a version from the cache, or all of them and what broken-off installations left')
    .argument('[version]', 'such as 2.13.0+cpu, or 2.13 for every build of it')
    .action(removeAsked);
  addExamples(install, {
    'libtorch install': 'the one that suits this machine',
    'libtorch install --cpu': 'the build for the CPU: no CUDA to download',
    'libtorch install --cuda --version 2.14': 'a version of your own choice',
  });
  addExamples(status, { 'libtorch status': 'which there are, and which is used' });
  addExamples(remove, {
    'libtorch remove 2.13.0+cpu': 'that one',
    'libtorch remove': 'all, and what broken-off installations left',
  });
  addExamples(libtorch, { 'libtorch install': 'fetches the one that suits this machine' });
}

interface InstallFlags {
  cpu?: true;
  cuda?: true;
  version?: string;
  force: boolean;
}

async function installAsked({ cpu, cuda, version, force }: InstallFlags): Promise<void> {
  await installShown({ version, build: cpu ? 'cpu' : cuda && 'cuda', force });
}

/** Installs a LibTorch under Ctrl-C, and shows on stderr what is done. */
export async function installShown(request: InstallRequest): Promise<void> {
  const progress = progressOn(process.stderr);
  const started = performance.now();
  const print = (line: string) => progress.line(line);
  const onProgress = (done: number, total: number | null) =>
    progress.bar(done, total ?? done, `${size(done)} of ${total === null ? 'unknown' : size(total)}`);
  try {
    const installed = await interruptible(
      (signal) => installLibTorch(request, { print, onProgress, signal }),
      'Stopping; once more stops at once.',
    );
    const seconds = (performance.now() - started) / 1000;
    print(`LibTorch ${fullVersion(installed)} is in place: ${installed.root}  ${duration(seconds)}`);
    if (!builtMinors(packageRoot).includes(installed.minor)) {
      const how = `TORCH_TL_LIBTORCH=${installed.root} npx torch-tl build`;
      print(`There is no engine for LibTorch ${installed.minor} yet: \`${how}\` builds one.`);
    }
  } finally {
    progress.end();
  }
}

function examine(): LibTorchStatus {
  const minors = builtMinors(packageRoot);
  const { release, reason } = chooseInstallation({});
  return {
    candidates: findCandidates(minors.length > 0 ? minors : [DEFAULT_MINOR]),
    cache: {
      directory: cacheDirectory(),
      versions: cachedLibTorches().map(({ version, directory, problem }) => {
        return { version, bytes: bytesIn(directory), problem };
      }),
      unfinishedBytes: unfinished().reduce((sum, path) => sum + bytesIn(path), 0),
    },
    nvidia: findNvidiaDriver(),
    install: { version: fullVersion(release), reason },
  };
}

function describe({ candidates, cache, nvidia, install }: LibTorchStatus): string {
  const versions = cache.versions.map(({ version, bytes, problem }) => {
    return `  ${version}  ${size(bytes)}${problem === null ? '' : `  ${problem}`}`;
  });
  const { unfinishedBytes } = cache;
  return [
    'Looked at, in this order, + for the one that is used:',
    ...candidates.map((candidate) => `  ${candidateText(candidate)}`),
    `In the cache ${cache.directory}:`,
    ...(versions.length > 0 ? versions : ['  none']),
    ...(unfinishedBytes > 0 ? [`  unfinished  ${size(unfinishedBytes)}`] : []),
    nvidia === null
      ? 'NVIDIA: no driver (nvidia-smi does not answer)'
      : `NVIDIA: driver ${nvidia.version}, compute capability ${nvidia.capabilities.join(', ')}`,
    `\`torch-tl libtorch install\` fetches ${install.version}, since ${install.reason}.`,
  ].join('\n');
}

async function removeAsked(version: string | undefined): Promise<void> {
  const removed = await removeLibTorch(version);
  for (const { path, bytes } of removed) console.error(`Removed ${shown(path)}, ${size(bytes)}`);
  if (removed.length === 0) console.error(`There is no LibTorch in ${shown(cacheDirectory())}.`);
}
