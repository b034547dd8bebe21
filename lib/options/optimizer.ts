import { z } from 'zod';
import { pairsFromText } from './from-text.ts';
import { below1, integer, learningRate, notNegative, number } from './range.ts';
import { commandLine, flag } from './schema.ts';

const topic = 'Optimiser';
const optimizer = 'adam, adamw or sgd';

/** What a stage may set anew. Names and defaults are PyTorch's where it has them. */
export const optimizerFields = {
  optimizer: z
    .enum(['adam', 'adamw', 'sgd'], { error: optimizer })
    .default('adam')
    .register(commandLine, { topic, flags: '--optimizer <name>', description: optimizer }),
  learningRate: learningRate().default(1e-3).register(commandLine, {
    topic,
    flags: '--lr <rate>',
    description: 'the learning rate, which the schedule then changes; of one-cycle the highest',
  }),
  layerLearningRates: z
    .record(z.string(), learningRate(), { error: 'a learning rate for each layer named' })
    .optional()
    .register(commandLine, {
      topic,
      flags: '--layer-lr <layers=rate,...>',
      description: 'layers, by name or pattern, with a learning rate of their own',
      read: pairsFromText,
    }),
  beta1: below1().default(0.9).register(commandLine, {
    topic,
    flags: '--beta1 <factor>',
    description: "Adam's and AdamW's: how much of the mean of gradients a step keeps",
  }),
  beta2: below1().default(0.999).register(commandLine, {
    topic,
    flags: '--beta2 <factor>',
    description: "Adam's and AdamW's: the same of squared gradients",
  }),
  epsilon: number(1e-30, 1).default(1e-8).register(commandLine, {
    topic,
    flags: '--epsilon <number>',
    description: "Adam's and AdamW's: added to what the step is divided by",
  }),
  momentum: below1().default(0.9).register(commandLine, {
    topic,
    flags: '--momentum <factor>',
    description: "SGD's: how much of the last step it keeps",
  }),
  nesterov: flag().default(true).describe("SGD's: Nesterov's momentum").register(commandLine, {
    topic,
    flags: '--no-nesterov',
    description: "SGD's: Nesterov's momentum; this flag turns it off",
  }),
  weightDecay: notNegative().default(0).register(commandLine, {
    topic,
    flags: '--weight-decay <factor>',
    description: 'pulls weights to 0; Adam and SGD add it to the gradient, AdamW shrinks the weight',
  }),
  decayNormsAndBiases: flag().default(false).register(commandLine, {
    topic,
    flags: '--decay-norms-and-biases',
    description: 'let weight decay reach norms and biases too',
  }),
};

/** Of the whole run. */
export const gradientFields = {
  clipNorm: number(1e-12, 1e12).optional().register(commandLine, {
    topic,
    flags: '--clip-norm <norm>',
    description: 'scales all gradients together so that their norm is no higher',
  }),
  gradientAccumulationSteps: integer(1).default(1).register(commandLine, {
    topic,
    flags: '--gradient-accumulation-steps <n>',
    description: 'batches whose gradients are averaged for one step',
  }),
};
