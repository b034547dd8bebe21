import { z } from 'zod';
import { between0And1, integer, notNegative, orOff } from './range.ts';
import { commandLine } from './schema.ts';

const schedule = 'constant, cosine, one-cycle, step or plateau';

/** What a stage may set anew. */
export const scheduleFields = {
  schedule: z
    .enum(['constant', 'cosine', 'one-cycle', 'step', 'plateau'], { error: schedule })
    .default('plateau')
    .register(commandLine, {
      topic: 'Schedule',
      flags: '--schedule <name>',
      description: `how the learning rate changes: ${schedule}`,
    }),
  warmupEpochs: notNegative().default(0).register(commandLine, {
    topic: 'Schedule',
    flags: '--warmup-epochs <n>',
    description: 'epochs in which the learning rate rises before the schedule begins; may be a fraction',
  }),
  minLearningRate: notNegative().default(1e-5).register(commandLine, {
    topic: 'Schedule',
    flags: '--min-lr <rate>',
    description: 'where cosine ends, and what step and plateau never fall below',
  }),
  stepEpochs: integer(1).default(10).register(commandLine, {
    topic: 'Schedule',
    flags: '--step-epochs <n>',
    description: 'step lowers the learning rate every so many epochs',
  }),
  stepFactor: between0And1().default(0.1).register(commandLine, {
    topic: 'Schedule',
    flags: '--step-factor <factor>',
    description: 'what step multiplies it by',
  }),
  plateauFactor: between0And1().default(0.1).register(commandLine, {
    topic: 'Schedule',
    flags: '--plateau-factor <factor>',
    description: 'what plateau multiplies it by when the validation loss stops falling',
  }),
  plateauPatience: integer(1).default(5).register(commandLine, {
    topic: 'Schedule',
    flags: '--plateau-patience <n>',
    description: 'epochs without a lower validation loss before that',
  }),
  earlyStoppingPatience: orOff({ min: 1, max: 1_000_000, whole: true }).default(15).register(commandLine, {
    topic: 'Regularisation',
    flags: '--early-stopping-patience <n|off>',
    description: 'epochs without a lower validation loss before the training, or its stage, ends',
  }),
  earlyStoppingMinDelta: notNegative().default(1e-5).register(commandLine, {
    topic: 'Regularisation',
    flags: '--early-stopping-min-delta <loss>',
    description: 'how much lower the validation loss must be to count',
  }),
};
