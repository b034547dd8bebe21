import { extname } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { EXPORT_FORMATS, exportOptions } from '../options/export.ts';
import { resolveWeights } from '../weights/catalogue.ts';
import { writePth } from '../weights/pth/write-pth.ts';
import { readWeights } from '../weights/read-weights.ts';
import { writeSafetensors } from '../weights/safetensors.ts';
import { addFlags, readFlags } from './flags.ts';

type Format = (typeof EXPORT_FORMATS)[number];

/** Adds `torch-tl export`. */
export function registerExport(program: Command): void {
  const command = program
    .command('export')
    .description('write a model as safetensors or as a state_dict that torch.load reads');
  addFlags(command, exportOptions).action(async () => {
    const { weights, out, format = formatOf(out) } = readFlags(command, exportOptions);
    const { path } = await resolveWeights(weights);
    const { tensors, metadata } = await readWeights(path);
    if (format === 'pth') await writePth(out, tensors);
    else await writeSafetensors(out, tensors, metadata);
    console.log(`Written: ${out}. In Python:\n\n${format === 'pth' ? LOAD_PTH(out) : LOAD_SAFETENSORS(out)}`);
  });
}

function formatOf(out: string): Format {
  const ending = extname(out).slice(1).toLowerCase();
  const format = ending === 'pt' ? 'pth' : EXPORT_FORMATS.find((name) => name === ending);
  if (format) return format;
  throw new InputError(
    'INVALID_ARGUMENT',
    `--format must be ${EXPORT_FORMATS.join(' or ')} where --out ends in neither.`,
  );
}

const LOAD_PTH = (path: string) => `    import torch
    state_dict = torch.load(${JSON.stringify(path)}, weights_only=True)`;

const LOAD_SAFETENSORS = (path: string) => `    from safetensors.torch import load_file
    state_dict = load_file(${JSON.stringify(path)})`;
