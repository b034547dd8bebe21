import { z } from 'zod';
import { InputError, invalidArgument } from './errors.ts';
import { nearest } from './nearest.ts';

/*
 * Every option is declared once, here: its check, default, description and flag. The types, the
 * command line's flags and its help follow. The `error` of a check is the phrase that says what the
 * value must be.
 */

/** How an option looks on the command line. */
export interface CommandLine {
  /** As commander writes flags, such as `--epochs <n>`. */
  flags: string;
  description: string;
}

export const commandLine = z.registry<CommandLine>();

const integer = (minimum: number, error = `an integer of at least ${minimum}`) =>
  z.int({ error }).min(minimum, { error });
const positive = () => z.number({ error: 'a number above 0' }).positive({ error: 'a number above 0' });
const notNegative = () =>
  z.number({ error: 'a number of at least 0' }).min(0, { error: 'a number of at least 0' });
const text = (error: string) => z.string({ error }).min(1, { error });

const seed = integer(0)
  .default(0)
  .register(commandLine, { flags: '--seed <n>', description: 'draws initial weights, order and dropout' });

const device = z
  .string({ error: 'auto, cpu, cuda or cuda:N' })
  .regex(/^(auto|cpu|cuda|cuda:\d+)$/, { error: 'auto, cpu, cuda or cuda:N' })
  .default('auto')
  .register(commandLine, { flags: '--device <name>', description: 'auto, cpu, cuda or cuda:N' });

const precision = z
  .enum(['auto', 'fp32', 'bf16'], { error: 'auto, fp32 or bf16' })
  .default('auto')
  .register(commandLine, { flags: '--precision <name>', description: 'auto, fp32 or bf16' });

const threads = integer(1)
  .optional()
  .register(commandLine, { flags: '--threads <n>', description: 'processor threads; by default one a core' });

const batchSize = integer(2)
  .default(128)
  .register(commandLine, { flags: '--batch-size <n>', description: 'pictures in a batch' });

const imageSize = integer(32)
  .default(155)
  .register(commandLine, { flags: '--image-size <n>', description: 'side of the pictures in pixels' });

const weights = text("a name or a file's path").optional().register(commandLine, {
  flags: '--weights <name|file>',
  description: 'what a pretrained backbone starts from: a name of the catalogue or a safetensors file',
});

const data = text('auto, sample or a directory')
  .default('auto')
  .register(commandLine, { flags: '--data <auto|sample|dir>', description: 'the pictures' });

/** How a model is trained. */
export const trainingOptions = z.strictObject({
  batchSize,
  epochs: integer(1)
    .default(32)
    .register(commandLine, { flags: '--epochs <n>', description: 'passes over the training pictures' }),
  learningRate: positive()
    .default(1e-3)
    .register(commandLine, { flags: '--lr <rate>', description: "Adam's learning rate at the start" }),
  plateauFactor: z
    .number({ error: 'a number between 0 and 1' })
    .gt(0, { error: 'a number between 0 and 1' })
    .lt(1, { error: 'a number between 0 and 1' })
    .default(0.1)
    .register(commandLine, {
      flags: '--plateau-factor <factor>',
      description: 'multiplies the learning rate when the validation loss stops falling',
    }),
  plateauPatience: integer(1).default(5).register(commandLine, {
    flags: '--plateau-patience <n>',
    description: 'epochs without a lower validation loss before that',
  }),
  minLearningRate: notNegative()
    .default(1e-5)
    .register(commandLine, { flags: '--min-lr <rate>', description: 'the learning rate never falls below' }),
  earlyStoppingPatience: z
    .union([integer(1, 'an integer of at least 1, or off'), z.literal('off')], {
      error: 'an integer of at least 1, or off',
    })
    .default(15)
    .register(commandLine, {
      flags: '--early-stopping-patience <n|off>',
      description: 'epochs without a lower validation loss before training stops',
    }),
  earlyStoppingMinDelta: notNegative().default(1e-5).register(commandLine, {
    flags: '--early-stopping-min-delta <loss>',
    description: 'how much lower the validation loss must be to count',
  }),
  seed,
  precision,
  threads,
  featureCache: z.boolean({ error: 'true or false' }).default(true).register(commandLine, {
    flags: '--no-feature-cache',
    description: "compute a frozen backbone's features anew in every epoch",
  }),
});

export type TrainingOptions = z.output<typeof trainingOptions>;

/** One of the paper's experiments: where it starts, on what, how it trains, where it writes. */
export const experimentOptions = z.strictObject({
  data,
  limitTrain: integer(1).optional().register(commandLine, {
    flags: '--limit-train <n>',
    description: 'use so many training pictures, spread evenly over the classes',
  }),
  limitValid: integer(1).optional().register(commandLine, {
    flags: '--limit-valid <n>',
    description: 'use so many validation pictures, spread evenly over the classes',
  }),
  init: z.enum(['pretrained', 'random'], { error: 'pretrained or random' }).optional().register(commandLine, {
    flags: '--init <pretrained|random>',
    description: "what the backbone starts from; by default as the experiment's paper",
  }),
  weights,
  imageSize,
  ...trainingOptions.shape,
  device,
  out: text('a directory').optional().register(commandLine, {
    flags: '--out <dir>',
    description: 'a new or empty directory for the run; by default a new one under runs/',
  }),
});

export type ExperimentOptions = z.output<typeof experimentOptions>;

/** The features of pictures, from the command line to a file. */
export const featuresOptions = z.strictObject({
  data,
  weights,
  imageSize,
  batchSize,
  device,
  precision,
  threads,
  out: text("a file's path").register(commandLine, {
    flags: '--out <file.safetensors>',
    description: 'the file to write',
  }),
});

/** A signal that stops the work. */
export const abortSignal = z.instanceof(AbortSignal, { error: 'an AbortSignal' }).optional();

export const callback = <Callback>() =>
  z.custom<Callback>((value) => typeof value === 'function', { error: 'a function' }).optional();

/**
 * The options with defaults filled in.
 *
 * @param shown what the caller knows an option as; by default its name
 * @throws InputError `INVALID_ARGUMENT` for the first that is wrong, or unknown (the nearest is named)
 */
export function checkOptions<Schema extends z.ZodObject>(
  schema: Schema,
  values: unknown,
  shown: (name: string) => string = (name) => name,
): z.output<Schema> {
  const checked = schema.safeParse(values);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0] as z.core.$ZodIssue;
  if (issue.code === 'unrecognized_keys')
    throw unknownOption(issue.keys[0] as string, Object.keys(schema.shape));
  if (issue.path.length === 0) throw invalidArgument('options', 'an object', values);
  const name = String(issue.path[0]);
  throw invalidArgument(shown(name), issue.message, (values as Record<string, unknown>)[name]);
}

function unknownOption(name: string, known: string[]): InputError {
  const suggestion = nearest(name, known);
  const hint = suggestion ? `did you mean '${suggestion}'?` : `the options are ${known.join(', ')}.`;
  return new InputError('INVALID_ARGUMENT', `There is no option '${name}'; ${hint}`);
}
