import { extname } from 'node:path';
import type { Command } from 'commander';
import type { z } from 'zod';
import { InputError } from '../errors.ts';
import { writeFileAtomically } from '../files.ts';
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
    .description('write a model as safetensors, as a state_dict that torch.load reads, or as ONNX')
    .option(
      '--no-check',
      'do not compare an ONNX export with the model, for which onnxruntime-node is needed',
    );
  addFlags(command, exportOptions).action(async () => {
    const options = readFlags(command, exportOptions);
    const { format = formatOf(options.out), out } = options;
    const { check } = command.opts<{ check: boolean }>();
    const notes = format === 'onnx' ? [await writeOnnx(options, check)] : [];
    if (format !== 'onnx') await writeWeights(options, format);
    console.log([`Written: ${out}`, ...notes, '', USES[format](JSON.stringify(out))].join('\n'));
  });
}

function formatOf(out: string): Format {
  const ending = extname(out).slice(1).toLowerCase();
  const format = ending === 'pt' ? 'pth' : EXPORT_FORMATS.find((name) => name === ending);
  if (format) return format;
  const names = EXPORT_FORMATS.join(', ');
  throw new InputError(
    'INVALID_ARGUMENT',
    `--format must be one of ${names} where --out ends in none of them.`,
  );
}

async function writeWeights({ weights, out }: z.output<typeof exportOptions>, format: Format): Promise<void> {
  const { path } = await resolveWeights(weights);
  const { tensors, metadata } = await readWeights(path);
  if (format === 'pth') await writePth(out, tensors);
  else await writeSafetensors(out, tensors, metadata);
}

/** Gives what the check came to. */
async function writeOnnx({ weights, out }: z.output<typeof exportOptions>, check: boolean): Promise<string> {
  const { onnxFile } = await import('../onnx/export.ts');
  const { path } = await resolveWeights(weights);
  const exported = await onnxFile(path);
  const difference = check ? await checked(exported, path) : null;
  await writeFileAtomically(out, [exported]);
  return difference === null
    ? 'Not checked.'
    : `Checked: its probabilities differ from the model's by ${difference.toExponential(1)} at most.`;
}

async function checked(exported: Uint8Array, path: string): Promise<number> {
  const { DenseNet121 } = await import('../densenet121.ts');
  const { checkOnnx } = await import('../onnx/check.ts');
  const model = await DenseNet121.load(path, { device: 'cpu' });
  try {
    return await checkOnnx(exported, model);
  } finally {
    model.dispose();
  }
}

/** How a file is read elsewhere. */
const USES: Record<Format, (path: string) => string> = {
  safetensors: (path) => `In Python:

    from safetensors.torch import load_file
    state_dict = load_file(${path})`,
  pth: (path) => `In Python:

    import torch
    state_dict = torch.load(${path}, weights_only=True)`,
  onnx: (
    path,
  ) => `It takes pictures as bytes (uint8, [n, side, side, 3], RGB) and gives probabilities. In Python:

    import onnxruntime
    session = onnxruntime.InferenceSession(${path})
    probabilities, = session.run(None, {'pictures': pictures})`,
};
