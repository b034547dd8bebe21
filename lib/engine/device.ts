import { existsSync } from 'node:fs';
import { InputError, invalidArgument } from '../errors.ts';
import { DEFAULT_VERSION } from '../libtorch/version.ts';
import type { EngineInfo } from './native.ts';

/**
 * Resolves a requested device to `cpu` or `cuda:N`.
 *
 * @param requested `auto` (the GPU of this process, else the CPU), `cpu`, `cuda` (the first GPU) or `cuda:N`
 * @param localRank number of this process among those of its job on this machine: each has a GPU of its own
 * @throws InputError `CUDA_UNAVAILABLE` or `CUDA_DRIVER_TOO_OLD` with the reason, or `INVALID_ARGUMENT`
 */
export function chooseDevice(requested: string, { cuda }: Pick<EngineInfo, 'cuda'>, localRank = 0): string {
  if (requested === 'auto') return cuda.devices.length > 0 ? gpuOf(localRank, cuda.devices.length) : 'cpu';
  if (requested === 'cpu') return 'cpu';
  const index = /^cuda(?::(\d+))?$/.exec(requested);
  if (!index) throw invalidArgument('device', 'auto, cpu, cuda or cuda:N', requested);
  const number = Number(index[1] ?? 0);
  if (number < cuda.devices.length) return `cuda:${number}`;
  const reason = cuda.devices.length > 0 ? `the last GPU is cuda:${cuda.devices.length - 1}` : whyNoGpu(cuda);
  const code = hasOldDriver(cuda) ? 'CUDA_DRIVER_TOO_OLD' : 'CUDA_UNAVAILABLE';
  const remedy = cuda.built === null ? ' `npx torch-tl libtorch install --cuda` fetches one.' : '';
  const message = (cpu: string) => `Device ${requested} is not available: ${reason}.${remedy} Or use ${cpu}.`;
  throw new InputError(code, message("device 'cpu'"), { atCommandLine: message('--device cpu') });
}

/** Where one GPU is visible, the launcher has given each process its own. */
function gpuOf(localRank: number, devices: number): string {
  if (devices === 1) return 'cuda:0';
  if (localRank < devices) return `cuda:${localRank}`;
  const message = (cpu: string) =>
    `This process is number ${localRank + 1} on a machine with ${devices} GPUs, and two cannot share one. ` +
    `Start ${devices} processes per machine, or use ${cpu}.`;
  throw new InputError('CUDA_UNAVAILABLE', message("device 'cpu'"), {
    atCommandLine: message('--device cpu'),
  });
}

/** Why LibTorch cannot use a GPU on this machine, and what to do. */
export function whyNoGpu(cuda: EngineInfo['cuda']): string {
  const { built, driver } = cuda;
  if (built === null) return 'this LibTorch is a CPU build, and a GPU needs one that is built for CUDA';
  if (driver === null) {
    return `this LibTorch is built for CUDA, but there is no driver: install NVIDIA's driver for CUDA ${built} or newer`;
  }
  if (hasOldDriver(cuda)) {
    return (
      `this LibTorch is built for CUDA ${built}, but the driver only supports CUDA ${driver}: update NVIDIA's driver, ` +
      `or install a LibTorch for an older CUDA, such as \`npx torch-tl libtorch install --version ${DEFAULT_VERSION}+cu126\``
    );
  }
  return 'there is a CUDA build and a driver, but no GPU was found; check that nvidia-smi lists one';
}

/**
 * Why `auto` chooses the CPU although NVIDIA's driver is loaded; null if a GPU is used or there is no driver.
 *
 * @param driver the file in which Linux shows the driver's version
 */
export function unusedGpu(
  { cuda }: Pick<EngineInfo, 'cuda'>,
  driver = '/proc/driver/nvidia/version',
): string | null {
  return cuda.devices.length > 0 || !existsSync(driver) ? null : whyNoGpu(cuda);
}

/** Within a major version of CUDA, every driver supports every minor version. */
function hasOldDriver({ built, driver }: EngineInfo['cuda']): boolean {
  return built !== null && driver !== null && Number.parseInt(driver, 10) < Number.parseInt(built, 10);
}
