import { chooseDevice } from '../engine/device.ts';
import { loadEngine } from '../engine/engine.ts';
import { placeOf } from './place.ts';

/**
 * The device of this process: of those that share the work on this machine each has a GPU of its own.
 *
 * @throws what `chooseDevice` throws
 */
export function deviceHere(device: string, options: { distributed: 'auto' | 'off' }): string {
  return chooseDevice(device, loadEngine().info(), placeOf(options).localRank);
}
