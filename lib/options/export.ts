import { z } from 'zod';
import { commandLine, flag, text } from './schema.ts';

export const EXPORT_FORMATS = ['safetensors', 'pth', 'onnx'] as const;

/** Options of `DenseNet121.export`. */
export const modelExportOptions = z.strictObject({
  format: z
    .enum(EXPORT_FORMATS, { error: EXPORT_FORMATS.join(', ') })
    .optional()
    .describe(`file format: ${EXPORT_FORMATS.join(', ')}; by default that of the path's extension`)
    .register(commandLine, {
      topic: 'Output',
      flags: '--format <name>',
      description: `file format: ${EXPORT_FORMATS.join(', ')} (default: by the extension of --out)`,
    }),
  check: flag()
    .default(true)
    .describe('compares the outputs of an ONNX export with those of the model; needs onnxruntime-node')
    .register(commandLine, {
      topic: 'Output',
      flags: '--no-check',
      description:
        'do not compare the outputs of an ONNX export with those of the model, which needs onnxruntime-node',
    }),
});

/** Options of `torch-tl export`. */
export const exportOptions = modelExportOptions.extend({
  weights: text("a file's path").register(commandLine, {
    topic: 'Model',
    flags: '--weights <file|run>',
    description: "the model: a run's directory, its best.safetensors, or a file written by `save`",
  }),
  out: text("a file's path").register(commandLine, {
    topic: 'Output',
    flags: '--out <file>',
    description: 'output file',
  }),
});
