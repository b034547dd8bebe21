import type { DenseNet121 } from '../densenet121.ts';
import type { RunOptions } from '../options/index.ts';
import { packageVersion } from '../support/version.ts';
import { recordedOptions } from '../training/checkpoint.ts';
import { withoutUnused } from '../training/effects.ts';
import { FORMAT_VERSION, type RunSetup } from './results.ts';

/** The content of config.json: everything needed to repeat the run, the options and what they came to here. */
export function recordedConfig(setup: RunSetup, options: RunOptions, model: Pick<DenseNet121, 'head'>) {
  const { out: _, ...used } = withoutUnused(options);
  return {
    formatVersion: FORMAT_VERSION,
    ...setup,
    head: model.head,
    options: recordedOptions(used),
    versions: { 'torch-tl': packageVersion(), node: process.versions.node, libtorch: setup.libtorch },
  };
}
