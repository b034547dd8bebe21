import { InputError, invalidArgument } from './errors.ts';
import type { EngineInfo } from './native.ts';

/**
 * The device that a request comes to: `cpu` or `cuda:N`.
 *
 * @param requested `auto` (the first GPU, else the CPU), `cpu`, `cuda` (the first GPU) or `cuda:N`
 * @throws InputError `CUDA_UNAVAILABLE` with the reason, or `INVALID_ARGUMENT`
 */
export function chooseDevice(requested: string, { cuda }: Pick<EngineInfo, 'cuda'>): string {
  if (requested === 'auto') return cuda.devices.length > 0 ? 'cuda:0' : 'cpu';
  if (requested === 'cpu') return 'cpu';
  const index = /^cuda(?::(\d+))?$/.exec(requested);
  if (!index) throw invalidArgument('device', 'auto, cpu, cuda or cuda:N', requested);
  const number = Number(index[1] ?? 0);
  if (number < cuda.devices.length) return `cuda:${number}`;
  throw new InputError('CUDA_UNAVAILABLE', `Device ${requested} is not there: ${whyNot()} Use --device cpu.`);

  function whyNot(): string {
    if (cuda.devices.length > 0) return `the last GPU is cuda:${cuda.devices.length - 1}.`;
    return `${whyNoGpu(cuda)}.`;
  }
}

/** Why LibTorch can use no GPU here, and what to do. */
export function whyNoGpu({ built, driver }: EngineInfo['cuda']): string {
  if (built === null) return 'this LibTorch is a CPU build; a GPU needs one that is built for CUDA';
  if (driver === null) return `CUDA build, no driver: install NVIDIA's driver for CUDA ${built} or newer`;
  if (Number.parseInt(driver, 10) < Number.parseInt(built, 10))
    return `CUDA build for ${built}, and the driver serves only CUDA ${driver}: update NVIDIA's driver`;
  return 'CUDA build with a driver, but no GPU was found; see whether nvidia-smi lists one';
}
