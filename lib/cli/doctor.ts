import { availableParallelism, cpus, release } from 'node:os';
import type { Command } from 'commander';
import { builtMinors } from '../addon/engines.ts';
import { glibcVersion } from '../addon/platform.ts';
import { chooseDevice, whyNoGpu } from '../engine/device.ts';
import { loadEngine } from '../engine/engine.ts';
import type { EngineInfo } from '../engine/native.ts';
import { choosePrecision, type PrecisionChoice } from '../engine/precision.ts';
import { type ErrorCode, TorchTlError } from '../errors.ts';
import { type Candidate, findCandidates } from '../libtorch/locate.ts';
import { DEFAULT_MINOR } from '../libtorch/version.ts';
import { featureCacheDirectory } from '../support/cache-directory.ts';
import { cacheLimit } from '../support/cache-limit.ts';
import { size } from '../support/format.ts';
import { packageRoot } from '../support/package-root.ts';
import { shownJson } from '../support/printable.ts';
import { packageVersion } from '../support/version.ts';
import { addExamples } from './examples.ts';
import { candidateText } from './libtorch-text.ts';
import { print } from './output.ts';
import { columns } from './table.ts';

/** Output of `torch-tl doctor --json`. Values that only the engine knows are null if it cannot be loaded. */
export interface DoctorReport {
  torchTl: string;
  node: string;
  platform: { os: NodeJS.Platform; release: string; arch: string; glibc: string | null };
  /** All places where LibTorch was searched, in order. */
  libtorch: Candidate[];
  engine: { builtFor: string; libtorch: string } | { error: { code: ErrorCode; message: string } };
  threads: number | null;
  cpu: { model: string; cores: number; features: EngineInfo['cpu'] | null };
  gpus: EngineInfo['cuda'] | null;
  /** Whether several processes can share the work. */
  joinsProcesses: boolean | null;
  /** Precision that `--precision auto` selects on the device that `--device auto` selects. */
  precision:
    | ({ device: string; choice: PrecisionChoice['precision'] } & Pick<PrecisionChoice, 'reason'>)
    | null;
  /** Where features are kept by default, and how many bytes they may take in all; `error` if the limit is no size. */
  featureCache: { directory: string; limit: number } | { error: { code: ErrorCode; message: string } };
}

/** Defines `torch-tl doctor`. It exits with 1 if the engine cannot be loaded. */
export function define(command: Command): void {
  command.option('--json', 'print one JSON document', false).action(({ json }: { json: boolean }) => {
    const report = examine();
    print(json ? shownJson(report) : describe(report));
    if ('error' in report.engine) process.exitCode = 1;
  });
  addExamples(command, { doctor: 'print a table', 'doctor --json': 'print JSON' });
}

/** Examines this machine. Faults of LibTorch or the engine are reported, not thrown. */
export function examine(): DoctorReport {
  const minors = builtMinors(packageRoot);
  const loaded = tryEngine();
  const info = loaded instanceof TorchTlError ? null : loaded.info;
  return {
    torchTl: packageVersion(),
    node: process.versions.node,
    platform: { os: process.platform, release: release(), arch: process.arch, glibc: glibcVersion() },
    libtorch: findCandidates(minors.length > 0 ? minors : [DEFAULT_MINOR]),
    engine:
      loaded instanceof TorchTlError
        ? { error: { code: loaded.code, message: loaded.message } }
        : { builtFor: loaded.info.builtFor, libtorch: loaded.libtorch },
    threads: info?.threads ?? null,
    cpu: {
      model: cpus()[0]?.model.trim() || process.arch,
      cores: availableParallelism(),
      features: info?.cpu ?? null,
    },
    gpus: info?.cuda ?? null,
    joinsProcesses: info?.joinsProcesses ?? null,
    precision: info && automaticPrecision(info),
    featureCache: examineFeatureCache(),
  };
}

function examineFeatureCache(): DoctorReport['featureCache'] {
  try {
    return { directory: featureCacheDirectory(), limit: cacheLimit() };
  } catch (error) {
    const { code, message } = error as TorchTlError;
    return { error: { code, message } };
  }
}

function tryEngine(): { info: EngineInfo; libtorch: string } | TorchTlError {
  try {
    const engine = loadEngine();
    return { info: engine.info(), libtorch: engine.libtorch };
  } catch (error) {
    if (error instanceof TorchTlError) return error;
    return new TorchTlError('NATIVE_FAILURE', error instanceof Error ? error.message : String(error));
  }
}

function automaticPrecision(info: EngineInfo): DoctorReport['precision'] {
  const device = chooseDevice('auto', info);
  const { precision, reason } = choosePrecision(info, device);
  return { device, choice: precision, reason };
}

function describe(report: DoctorReport): string {
  const rows = [
    ['torch-tl', report.torchTl],
    ['Node', report.node],
    ['Platform', describePlatform(report.platform)],
    ...report.libtorch.map((candidate, index) => [index === 0 ? 'LibTorch' : '', candidateText(candidate)]),
    ['Engine', describeEngine(report.engine)],
    ['Processor', `${report.cpu.model}, ${report.cpu.cores} cores`],
    ...describeEngineInfo(report),
    ['Features', describeFeatureCache(report.featureCache)],
  ];
  const text = columns(rows, ['left', 'left']);
  return 'error' in report.engine ? `${text}\n\n${report.engine.error.message}` : text;
}

function describePlatform({ os, release, arch, glibc }: DoctorReport['platform']): string {
  return `${os} ${release}, ${arch}${glibc === null ? '' : `, glibc ${glibc}`}`;
}

function describeEngine(engine: DoctorReport['engine']): string {
  if ('error' in engine) return `not usable (${engine.error.code})`;
  return `built for LibTorch ${engine.builtFor}, running on ${engine.libtorch}`;
}

function describeFeatureCache(cache: DoctorReport['featureCache']): string {
  if ('error' in cache) return cache.error.message;
  if (cache.limit === 0) return 'not kept, since TORCH_TL_CACHE_LIMIT is 0';
  return `kept in ${cache.directory}, at most ${size(cache.limit)} (TORCH_TL_CACHE_LIMIT)`;
}

function describeEngineInfo(report: DoctorReport): string[][] {
  const { threads, gpus, precision, joinsProcesses } = report;
  const { features } = report.cpu;
  if (features === null || gpus === null || precision === null) return [];
  const yesOrNo = (has: boolean) => (has ? 'yes' : 'no');
  return [
    ['', `AVX2 ${yesOrNo(features.avx2)}, AVX-512 ${yesOrNo(features.avx512)}`],
    ['', `AVX512_BF16 ${yesOrNo(features.avx512Bf16)}, AMX_BF16 ${yesOrNo(features.amxBf16)}`],
    ['', `Kernels: ${features.capability} in LibTorch, ${features.kernels[0] ?? 'none'} in the engine`],
    ['Threads', String(threads)],
    ...describeGpus(gpus).map((text, index) => [index === 0 ? 'GPUs' : '', text]),
    ['Precision', `auto selects ${precision.choice} on ${precision.device}: ${precision.reason}`],
    [
      'Processes',
      joinsProcesses ? 'several can share the work' : 'one only: this engine was built without c10d',
    ],
  ];
}

function describeGpus(cuda: EngineInfo['cuda']): string[] {
  const { devices, bf16, graphs, kernels } = cuda;
  if (devices.length === 0) return [`none: ${whyNoGpu(cuda)}`];
  const abilities = `${bf16 ? 'with' : 'without'} bf16, ${graphs ? 'with' : 'without'} CUDA graphs`;
  const own = kernels === '' ? "LibTorch's alone" : `the engine's, for compute capabilities ${kernels}`;
  return [
    ...devices.map(
      ({ name, memory }, index) => `cuda:${index}: ${name || 'unnamed'}, ${size(memory)}, ${abilities}`,
    ),
    `Kernels: ${own}`,
  ];
}
