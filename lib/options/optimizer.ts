import { z } from 'zod';
import { pairsFromText } from './from-text.ts';
import { below1, integer, learningRate, notNegative, number } from './range.ts';
import { commandLine, flag } from './schema.ts';

const topic = 'Optimiser';
const optimizer = 'adam, adamw or sgd';

/** Options of the optimiser, which each stage may override. Names and defaults are PyTorch's where it has them. */
export const optimizerFields = {
  optimizer: z
    .enum(['adam', 'adamw', 'sgd'], { error: optimizer })
    .default('adam')
    .register(commandLine, { topic, flags: '--optimizer <name>', description: `optimiser: ${optimizer}` }),
  learningRate: learningRate().default(1e-3).register(commandLine, {
    topic,
    flags: '--lr <rate>',
    description: 'initial learning rate, which the schedule then changes; for one-cycle, the highest one',
  }),
  layerLearningRates: z
    .record(z.string(), learningRate(), { error: 'a learning rate for each named layer' })
    .optional()
    .register(commandLine, {
      topic,
      flags: '--layer-lr <layers=rate,...>',
      description: 'learning rates for single layers, by name or pattern',
      read: pairsFromText,
    }),
  beta1: below1().default(0.9).register(commandLine, {
    topic,
    flags: '--beta1 <factor>',
    description: 'Adam and AdamW: decay factor of the moving average of gradients',
  }),
  beta2: below1().default(0.999).register(commandLine, {
    topic,
    flags: '--beta2 <factor>',
    description: 'Adam and AdamW: decay factor of the moving average of squared gradients',
  }),
  epsilon: number(1e-30, 1).default(1e-8).register(commandLine, {
    topic,
    flags: '--epsilon <number>',
    description: 'Adam and AdamW: added to the denominator of the update',
  }),
  momentum: below1().default(0.9).register(commandLine, {
    topic,
    flags: '--momentum <factor>',
    description: 'SGD: momentum factor',
  }),
  nesterov: flag().default(true).describe('SGD: use Nesterov momentum').register(commandLine, {
    topic,
    flags: '--no-nesterov',
    description: 'SGD: use plain momentum instead of Nesterov momentum',
  }),
  weightDecay: notNegative().default(0).register(commandLine, {
    topic,
    flags: '--weight-decay <factor>',
    description: 'weight decay: Adam and SGD add it to the gradient (L2 penalty), AdamW shrinks the weights',
  }),
  decayNormsAndBiases: flag().default(false).register(commandLine, {
    topic,
    flags: '--decay-norms-and-biases',
    description: 'apply weight decay to norms and biases too',
  }),
};

/** Options of the gradients, for the whole run. */
export const gradientFields = {
  clipNorm: number(1e-12, 1e12).optional().register(commandLine, {
    topic,
    flags: '--clip-norm <norm>',
    description: 'maximum L2 norm of all gradients together; larger gradients are scaled down',
  }),
  gradientAccumulationSteps: integer(1).default(1).register(commandLine, {
    topic,
    flags: '--gradient-accumulation-steps <n>',
    description: 'number of batches whose gradients are averaged for one step',
  }),
};
