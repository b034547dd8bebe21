import { z } from 'zod';
import { between0And1, integer, notNegative, orOff } from './range.ts';
import { commandLine } from './schema.ts';

const schedule = 'constant, cosine, one-cycle, step or plateau';

/** Options of the learning-rate schedule and of early stopping, which each stage may override. */
export const scheduleFields = {
  schedule: z
    .enum(['constant', 'cosine', 'one-cycle', 'step', 'plateau'], { error: schedule })
    .default('plateau')
    .register(commandLine, {
      topic: 'Schedule',
      flags: '--schedule <name>',
      description: `schedule of the learning rate: ${schedule}`,
    }),
  warmupEpochs: notNegative().default(0).register(commandLine, {
    topic: 'Schedule',
    flags: '--warmup-epochs <n>',
    description:
      'number of epochs, possibly fractional, in which the learning rate rises before the schedule begins',
  }),
  minLearningRate: notNegative().default(1e-5).register(commandLine, {
    topic: 'Schedule',
    flags: '--min-lr <rate>',
    description: 'final learning rate of cosine; lower bound of step and plateau',
  }),
  stepEpochs: integer(1).default(10).register(commandLine, {
    topic: 'Schedule',
    flags: '--step-epochs <n>',
    description: 'step: number of epochs between reductions of the learning rate',
  }),
  stepFactor: between0And1().default(0.1).register(commandLine, {
    topic: 'Schedule',
    flags: '--step-factor <factor>',
    description: 'step: factor of each reduction',
  }),
  plateauFactor: between0And1().default(0.1).register(commandLine, {
    topic: 'Schedule',
    flags: '--plateau-factor <factor>',
    description:
      'plateau: factor of the reduction when the monitored figure, by default the validation loss, gets no better',
  }),
  plateauPatience: integer(1).default(5).register(commandLine, {
    topic: 'Schedule',
    flags: '--plateau-patience <n>',
    description: 'plateau: number of epochs without a better monitored figure before a reduction',
  }),
  earlyStoppingPatience: orOff({ min: 1, max: 1_000_000, whole: true }).default(15).register(commandLine, {
    topic: 'Regularisation',
    flags: '--early-stopping-patience <n|off>',
    description:
      'number of epochs without a better monitored figure, by default the validation loss, after which the training, or its stage, ends',
  }),
  earlyStoppingMinDelta: notNegative().default(1e-5).register(commandLine, {
    topic: 'Regularisation',
    flags: '--early-stopping-min-delta <number>',
    description: 'minimum change of the monitored figure that counts as better',
  }),
};
