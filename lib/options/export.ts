import { z } from 'zod';
import { commandLine, text } from './schema.ts';

export const EXPORT_FORMATS = ['safetensors', 'pth', 'onnx'] as const;

/** A model's file in another format, from the command line. */
export const exportOptions = z.strictObject({
  weights: text("a file's path").register(commandLine, {
    topic: 'Model',
    flags: '--weights <file>',
    description: "the model: a run's best.safetensors, or what `save` wrote",
  }),
  format: z
    .enum(EXPORT_FORMATS, { error: EXPORT_FORMATS.join(', ') })
    .optional()
    .register(commandLine, {
      topic: 'Output',
      flags: '--format <name>',
      description: `${EXPORT_FORMATS.join(', ')}; by default as the ending of --out says`,
    }),
  out: text("a file's path").register(commandLine, {
    topic: 'Output',
    flags: '--out <file>',
    description: 'the file to write',
  }),
});
