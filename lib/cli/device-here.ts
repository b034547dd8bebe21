import { placeOf } from '../distributed/place.ts';
import { chooseDevice } from '../engine/device.ts';
import { loadEngine } from '../engine/engine.ts';
import type { DistributedOptions } from '../options/index.ts';

/**
 * The device of this process: of those that share the work on this machine each has a GPU of its own.
 *
 * @throws what `chooseDevice` throws
 */
export function deviceHere(device: string, options: Pick<DistributedOptions, 'distributed'>): string {
  return chooseDevice(device, loadEngine().info(), placeOf(options).localRank);
}
