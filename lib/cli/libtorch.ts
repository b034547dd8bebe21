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
import { interruptible, STOPPING } from './interrupt.ts';
import { candidateText } from './libtorch-text.ts';
import { print } from './output.ts';
import { progressOn } from './progress.ts';
import { wrap } from './wrap.ts';

/** Output of `torch-tl libtorch status --json`. */
export interface LibTorchStatus {
  /** All places where LibTorch was searched, in order; the one in use is `accepted`. */
  candidates: Candidate[];
  cache: {
    directory: string;
    /** `problem` says why a version cannot be used; null if it can. */
    versions: Array<{ version: string; bytes: number; problem: string | null }>;
    /** Size in bytes of the remains of interrupted installations. */
    unfinishedBytes: number;
  };
  nvidia: NvidiaDriver | null;
  /** The version that `torch-tl libtorch install` installs, and why. */
  install: { version: string; reason: string };
}

/** Defines `torch-tl libtorch install|status|remove`. */
export function define(libtorch: Command): void {
  const install = libtorch
    .command('install')
    .description(
      'install LibTorch into the cache: the CUDA build if the NVIDIA driver supports it, else the CPU build',
    )
    .addOption(new Option('--cpu', 'install the CPU build').conflicts('cuda'))
    .option('--cuda', 'install the CUDA build, also without a suitable driver')
    .option('--version <version>', 'version to install, such as 2.13, 2.13.0 or 2.13.0+cu126')
    .option('--force', 'install again if the version is in the cache already', false)
    .action(installFromFlags);
  const status = libtorch
    .command('status')
    .description('show all LibTorch installations found, the one in use, and the content of the cache')
    .option('--json', 'print one JSON document', false)
    .action(({ json }: { json: boolean }) => {
      const status = examine();
      print(json ? shownJson(status) : wrap(describe(status), process.stdout.columns));
    });
  const removal = libtorch
    .command('remove')
    .description(
      'remove a version from the cache, or all versions and the remains of interrupted installations',
    )
    .argument('[version]', 'such as 2.13.0+cpu, or 2.13 for all its builds')
    .action(remove);
  addExamples(install, {
    'libtorch install': 'install the build that suits this machine',
    'libtorch install --cpu': 'install the CPU build, which is a smaller download',
    'libtorch install --cuda --version 2.14': 'install a version of your choice',
  });
  addExamples(status, { 'libtorch status': 'show which one is used' });
  addExamples(removal, {
    'libtorch remove 2.13.0+cpu': 'remove one build',
    'libtorch remove': 'remove everything that torch-tl installed',
  });
  addExamples(libtorch, { 'libtorch install': 'install the build that suits this machine' });
}

interface InstallFlags {
  cpu?: true;
  cuda?: true;
  version?: string;
  force: boolean;
}

async function installFromFlags({ cpu, cuda, version, force }: InstallFlags): Promise<void> {
  await installWithProgress({ version, build: cpu ? 'cpu' : cuda && 'cuda', force });
}

/** Installs LibTorch; Ctrl-C stops it. Progress goes to stderr. */
export async function installWithProgress(request: InstallRequest): Promise<void> {
  const progress = progressOn(process.stderr);
  const started = performance.now();
  const print = (line: string) => progress.line(line);
  const onProgress = (done: number, total: number | null) =>
    progress.bar(done, total ?? done, `${size(done)} of ${total === null ? 'unknown' : size(total)}`);
  try {
    const installed = await interruptible(
      (signal) => installLibTorch(request, { print, onProgress, signal }),
      STOPPING,
    );
    const seconds = (performance.now() - started) / 1000;
    print(`Installed LibTorch ${fullVersion(installed)}: ${installed.root}  ${duration(seconds)}`);
    if (!builtMinors(packageRoot).includes(installed.minor)) {
      const how = `TORCH_TL_LIBTORCH=${installed.root} npx torch-tl build`;
      print(`There is no engine for LibTorch ${installed.minor} yet. Build it with \`${how}\`.`);
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
    'Places searched, in this order (+ marks the one in use):',
    ...candidates.map((candidate) => `  ${candidateText(candidate)}`),
    `Versions in the cache ${cache.directory}:`,
    ...(versions.length > 0 ? versions : ['  none']),
    ...(unfinishedBytes > 0 ? [`  interrupted installations  ${size(unfinishedBytes)}`] : []),
    nvidia === null
      ? 'NVIDIA: no driver found (nvidia-smi does not answer)'
      : `NVIDIA: driver ${nvidia.version}, compute capability ${nvidia.capabilities.join(', ')}`,
    `\`torch-tl libtorch install\` installs ${install.version} because ${install.reason}.`,
  ].join('\n');
}

async function remove(version: string | undefined): Promise<void> {
  const removed = await removeLibTorch(version);
  for (const { path, bytes } of removed) console.error(`Removed ${shown(path)}, ${size(bytes)}`);
  if (removed.length === 0) console.error(`There is no LibTorch in ${shown(cacheDirectory())}.`);
}
