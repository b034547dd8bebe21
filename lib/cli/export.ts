import type { Command } from 'commander';
import { requireWritableFile } from '../files/writable.ts';
import type { ExportFormat, ExportResult } from '../model/export.ts';
import { exportOptions } from '../options/export.ts';
import { shown, shownJson } from '../support/printable.ts';
import { addExamples } from './examples.ts';
import { addFlags, readFlags } from './flags.ts';
import { say } from './output.ts';

/** Defines `torch-tl export`. */
export function define(command: Command): void {
  addExamples(command, {
    'export --weights best.safetensors --out model.onnx': 'export to ONNX; the extension selects the format',
    'export --weights best.safetensors --out model.pth': 'export for torch.load',
  });
  addFlags(command, exportOptions).action(async () => {
    const { weights, out, format, check } = readFlags(command, exportOptions);
    const { exportContents, exportFormat } = await import('../model/export.ts');
    const { findWeights } = await import('../weights/catalogue.ts');
    const { readWeights } = await import('../weights/read-weights.ts');
    const chosen = exportFormat(out, format);
    await requireWritableFile(out);
    const path = await findWeights(weights);
    const compare = check ? (exported: Uint8Array) => compareWith(path, exported) : null;
    const exported = await exportContents(out, await readWeights(path), chosen, path, compare);
    say([`Written: ${shown(out)}`, ...checkNote(exported), '', USES[chosen](shownJson(out))].join('\n'));
  });
}

/** Largest difference between the probabilities of the model in a file and of its ONNX export. */
async function compareWith(path: string, exported: Uint8Array): Promise<number> {
  const { DenseNet121 } = await import('../densenet121.ts');
  const { checkOnnx } = await import('../model/onnx/check.ts');
  const model = await DenseNet121.load(path, { device: 'cpu' });
  try {
    return await checkOnnx(exported, model);
  } finally {
    model.dispose();
  }
}

function checkNote({ format, check }: ExportResult): string[] {
  if (format !== 'onnx') return [];
  if (check === null) return ['The export was not checked against the model.'];
  const difference = check.largestDifference.toExponential(1);
  return [`Checked: the probabilities differ from the model's by at most ${difference}.`];
}

/** How to read an exported file in Python. */
const USES: Record<ExportFormat, (path: string) => string> = {
  safetensors: (path) => `In Python:

    from safetensors.torch import load_file
    state_dict = load_file(${path})`,
  pth: (path) => `In Python:

    import torch
    state_dict = torch.load(${path}, weights_only=True)`,
  onnx: (
    path,
  ) => `Input: images as uint8 [n, side, side, 3] (RGB). Output: probabilities [n, classes]. In Python:

    import onnxruntime
    session = onnxruntime.InferenceSession(${path})
    probabilities, = session.run(None, {'images': images})`,
};
