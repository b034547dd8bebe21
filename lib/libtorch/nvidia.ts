import { spawnSync } from 'node:child_process';

const QUERY = ['--query-gpu=driver_version,compute_cap', '--format=csv,noheader'];
const QUERY_SECONDS = 10;

/** The NVIDIA driver and GPUs of this machine, as `nvidia-smi` reports them. */
export interface NvidiaDriver {
  /** Such as `580.65.06`. */
  version: string;
  /** The compute capability of each GPU, such as `9.0`. */
  capabilities: string[];
}

/**
 * Minimum driver version and compute capability per CUDA major version. Sources: NVIDIA's table of minor version
 * compatibility (https://docs.nvidia.com/deploy/cuda-compatibility), release notes of CUDA 12.0 and 13.0.
 */
const NEEDS: Record<string, { driver: number; capability: number }> = {
  12: { driver: 525, capability: 5.0 },
  13: { driver: 580, capability: 7.5 },
};

/** The driver and its GPUs, or null if `nvidia-smi` is missing or does not answer. */
export function findNvidiaDriver(): NvidiaDriver | null {
  const { status, stdout } = spawnSync('nvidia-smi', QUERY, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: QUERY_SECONDS * 1000,
    killSignal: 'SIGKILL',
    windowsHide: true,
  });
  if (status !== 0) return null;
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()));
  const version = rows[0]?.[0];
  if (!version || !/^\d+\./.test(version)) return null;
  return { version, capabilities: rows.flatMap(([, capability]) => capability ?? []) };
}

export interface DriverProblem {
  kind: 'no-driver' | 'old-driver' | 'old-gpu';
  /** A sentence without a capital or full stop. */
  text: string;
}

/**
 * Why a CUDA version cannot be used with a driver; null if it can.
 *
 * @param cuda such as `13.0`
 */
export function driverProblem(driver: NvidiaDriver | null, cuda: string): DriverProblem | null {
  if (driver === null) {
    return { kind: 'no-driver', text: 'no NVIDIA driver was found (nvidia-smi does not answer)' };
  }
  const needs = NEEDS[cuda.split('.')[0] ?? ''];
  if (needs === undefined) return null;
  if (Number.parseInt(driver.version, 10) < needs.driver) {
    const text = `the NVIDIA driver ${driver.version} is too old for CUDA ${cuda}, which needs ${needs.driver} or newer`;
    return { kind: 'old-driver', text };
  }
  if (driver.capabilities.some((capability) => Number(capability) >= needs.capability)) return null;
  const [wanted, found] = [needs.capability.toFixed(1), driver.capabilities.join(', ') || 'none'];
  const text = `CUDA ${cuda} needs a GPU of compute capability ${wanted} or higher, and this machine has ${found}`;
  return { kind: 'old-gpu', text };
}
