import { z } from 'zod';
import type { StageDocs } from './docs.ts';
import { layersFromText } from './from-text.ts';
import { optimizerFields } from './optimizer.ts';
import { integer } from './range.ts';
import { scheduleFields } from './schedule.ts';
import { commandLine, overrides, text } from './schema.ts';

const layer = "a layer's name or pattern, a RegExp or { through: name }";
const selection = z.union(
  [text(layer), z.instanceof(RegExp, { error: layer }), z.strictObject({ through: text("a layer's name") })],
  { error: layer },
);

export const epochs = integer(1).default(32).register(commandLine, {
  topic: 'Training',
  flags: '--epochs <n>',
  description: 'number of passes over the training images; a named recipe distributes them over its stages',
});

export const freeze = z
  .union([selection, z.array(selection).readonly()], { error: `${layer}, or a list of them` })
  .optional()
  .register(commandLine, {
    topic: 'Training',
    flags: '--freeze <layers>',
    description:
      'layers that do not train, such as backbone,*.norm1,through:denseblock3; all others do; none freezes nothing',
    read: layersFromText,
  });

/** A stage of a training. Options that it does not set come from the run's own options. */
export const stageOptions = z.strictObject({
  name: text('a name').optional().describe('name of the stage, for people'),
  epochs: integer(1).describe('number of passes over the training images'),
  freeze: freeze
    .unwrap()
    .optional()
    .describe("layers that do not train; all others do; by default the run's `freeze`, else as they are"),
  ...overrides(optimizerFields),
  ...overrides(scheduleFields),
});

export type Stage = z.output<typeof stageOptions> & StageDocs;

export const RECIPE_NAMES = ['head', 'fine-tune', 'gradual'] as const;

export type RecipeName = (typeof RECIPE_NAMES)[number];
