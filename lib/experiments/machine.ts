import { cpus, hostname } from 'node:os';
import { deviceHere } from '../distributed/device.ts';
import { placeOf } from '../distributed/place.ts';
import { loadEngine } from '../engine/engine.ts';
import type { EngineInfo } from '../engine/native.ts';
import { choosePrecision } from '../engine/precision.ts';
import type { RunOptions } from '../options/index.ts';
import type { ProcessSetup, RunSetup } from './results.ts';
import type { RunConfig } from './run-config.ts';

/** The part of a run's setup that depends on the machine. */
export type Machine = Pick<RunSetup, 'device' | 'hardware' | 'precision' | 'precisionReason' | 'libtorch'>;

/**
 * Device and precision that a run's options choose on this machine.
 *
 * @throws InputError `CUDA_UNAVAILABLE` or `CUDA_DRIVER_TOO_OLD`
 */
export function describeMachine(options: RunOptions, earlier: RunConfig | null): Machine {
  const engine = loadEngine();
  const info = engine.info();
  const device = deviceHere(options.device, options);
  const { precision, reason } = precisionOf(options, earlier, device);
  return {
    device,
    hardware: hardwareOf(device, info, options.threads ?? placeOf(options).threads ?? info.threads),
    precision,
    precisionReason: reason,
    libtorch: engine.libtorch,
  };
}

/** What results.json says of a process. */
export function processSetup(rank: number, { device, hardware }: Machine): ProcessSetup {
  return { rank, host: hostname(), device, hardware };
}

/** A resumed run keeps its precision, on whatever device. */
function precisionOf({ precision }: RunOptions, earlier: RunConfig | null, device: string) {
  if (earlier?.precision) return { precision: earlier.precision, reason: 'as before' };
  if (precision !== 'auto') return { precision, reason: 'as asked for' };
  return choosePrecision(loadEngine().info(), device);
}

function hardwareOf(device: string, { cuda }: EngineInfo, threads: number): string {
  if (device !== 'cpu') return cuda.devices[Number(device.slice('cuda:'.length))]?.name || 'GPU';
  const processor = cpus()[0]?.model.trim() || process.arch;
  return `${processor}, ${threads} thread${threads === 1 ? '' : 's'}`;
}
