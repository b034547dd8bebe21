import type { Command } from 'commander';
import { seedsOptions } from '../options/index.ts';
import { addFlags, readFlags } from './flags.ts';

/** Adds the flag that trains the same run with several seeds. */
export function addSeeds(command: Command): Command {
  return addFlags(command, seedsOptions);
}

/** The number of seeds, if the user gave one. */
export function givenSeeds(command: Command): number | undefined {
  return readFlags(command, seedsOptions).seeds;
}
