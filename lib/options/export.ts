import { z } from 'zod';
import { commandLine, flag, text } from './schema.ts';

export const EXPORT_FORMATS = ['safetensors', 'pth', 'onnx'] as const;

/** How a model is written for others. */
export const modelExportOptions = z.strictObject({
  format: z
    .enum(EXPORT_FORMATS, { error: EXPORT_FORMATS.join(', ') })
    .optional()
    .register(commandLine, {
      topic: 'Output',
      flags: '--format <name>',
      description: `${EXPORT_FORMATS.join(', ')}; by default as the ending of --out says`,
    }),
  check: flag()
    .default(true)
    .describe('compares an ONNX export with the model, for which onnxruntime-node is needed')
    .register(commandLine, {
      topic: 'Output',
      flags: '--no-check',
      description: 'do not compare an ONNX export with the model, for which onnxruntime-node is needed',
    }),
});

/** A model's file in another format, from the command line. */
export const exportOptions = modelExportOptions.extend({
  weights: text("a file's path").register(commandLine, {
    topic: 'Model',
    flags: '--weights <file|run>',
    description: "the model: a run's directory or its best.safetensors, or what `save` wrote",
  }),
  out: text("a file's path").register(commandLine, {
    topic: 'Output',
    flags: '--out <file>',
    description: 'the file to write',
  }),
});
