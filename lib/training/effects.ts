import { readMembership } from '../distributed/environment.ts';
import { InputError } from '../errors.ts';
import { flagOf, type Stage, type TrainingOptions } from '../options/index.ts';
import { optimizerFields } from '../options/optimizer.ts';
import { scheduleFields } from '../options/schedule.ts';
import { stagesOf } from './recipes.ts';

/*
 * Which options of a training have an effect. Setting an option without effect is an error, and options without effect
 * are not recorded with the results.
 */

/** Settings of one stage: its own, else those of the training. */
export type StageSettings = Pick<
  TrainingOptions,
  keyof typeof optimizerFields | keyof typeof scheduleFields | 'freeze'
>;

type Setting = keyof StageSettings;

const SETTINGS = ['freeze', ...Object.keys(optimizerFields), ...Object.keys(scheduleFields)] as Setting[];

/** Settings that have an effect only under a condition: the condition in words, and whether it is met. */
const NEEDS: Partial<Record<Setting, { text: string; met: (settings: StageSettings) => boolean }>> = {
  beta1: { text: 'the optimizer adam or adamw', met: ({ optimizer }) => optimizer !== 'sgd' },
  beta2: { text: 'the optimizer adam or adamw', met: ({ optimizer }) => optimizer !== 'sgd' },
  epsilon: { text: 'the optimizer adam or adamw', met: ({ optimizer }) => optimizer !== 'sgd' },
  momentum: { text: 'the optimizer sgd', met: ({ optimizer }) => optimizer === 'sgd' },
  nesterov: {
    text: 'the optimizer sgd with a momentum above 0',
    met: ({ optimizer, momentum, nesterov }) => optimizer === 'sgd' && (momentum > 0 || !nesterov),
  },
  decayNormsAndBiases: { text: 'a weight decay above 0', met: ({ weightDecay }) => weightDecay > 0 },
  minLearningRate: {
    text: 'the schedule cosine, step or plateau',
    met: ({ schedule }) => schedule === 'cosine' || schedule === 'step' || schedule === 'plateau',
  },
  stepEpochs: { text: 'the schedule step', met: ({ schedule }) => schedule === 'step' },
  stepFactor: { text: 'the schedule step', met: ({ schedule }) => schedule === 'step' },
  plateauFactor: { text: 'the schedule plateau', met: ({ schedule }) => schedule === 'plateau' },
  plateauPatience: { text: 'the schedule plateau', met: ({ schedule }) => schedule === 'plateau' },
  earlyStoppingMinDelta: {
    text: 'an early-stopping patience other than off',
    met: ({ earlyStoppingPatience }) => earlyStoppingPatience !== 'off',
  },
};

/** Settings of a stage without those that have no effect in it. */
export function settingsInEffect(options: TrainingOptions, stage: Stage): Partial<StageSettings> {
  const settings = settingsOf(options, stage);
  const effective = SETTINGS.filter((name) => settings[name] !== undefined && isUsed(name, settings));
  return Object.fromEntries(effective.map((name) => [name, settings[name]]));
}

/** Options of a single-stage training that is the first stage of the given one. */
export function firstStageOf<Options extends TrainingOptions>({ recipe, ...options }: Options): Options {
  const [stage] = stagesOf({ ...options, recipe } as Options) as [Stage];
  return { ...options, ...settingsInEffect({ ...options, recipe }, stage), epochs: stage.epochs } as Options;
}

/**
 * Removes the options that have no effect in any stage.
 *
 * @param options checked options
 */
export function withoutUnused<Options extends TrainingOptions>(options: Options): Partial<Options> {
  const unused = unusedOptions(options);
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => !unused.has(name)),
  ) as Partial<Options>;
}

/** Names of the options that have no effect in any stage. */
export function unusedNames(options: TrainingOptions): string[] {
  return [...unusedOptions(options).keys()];
}

/**
 * Makes sure that every option that the caller set has an effect, and that warm-ups end.
 *
 * @param given options that the caller set
 * @param options all options, checked
 * @throws InputError `INVALID_ARGUMENT` for the first option without effect, or a warm-up that is longer than its stage;
 *   what `stagesOf` throws
 */
export function requireUsed(given: object, options: TrainingOptions): void {
  requireWarmUpsEnd(options);
  const unused = new Map([...unusedOptions(options), ...overriddenInPart(options)]);
  for (const [name, value] of Object.entries(given)) {
    const why = value === undefined ? undefined : unused.get(name);
    if (why !== undefined) throw withoutEffect(name, '', why);
  }
  if (!('recipe' in given) || typeof options.recipe === 'string') return;
  for (const [index, stage] of (options.recipe ?? []).entries()) {
    const settings = settingsOf(options, stage);
    const name = SETTINGS.find((setting) => stage[setting] !== undefined && !isUsed(setting, settings));
    if (name) throw withoutEffect('recipe', `[${index}].${name}`, needed(name));
  }
}

/** Options of checkpoints, beside the one that says where they are. */
interface Checkpoints {
  resume?: boolean | undefined;
  checkpointMinutes?: number | 'off' | null | undefined;
}

/**
 * Makes sure that there is a place for the checkpoints that the caller wants. Of several processes the first alone needs
 * it.
 *
 * @param place name of the option that says where, which may be missing
 * @throws InputError `INVALID_ARGUMENT`
 */
export function requireCheckpointPlace<Place extends string>(
  place: Place,
  given: Checkpoints & { [Name in Place]?: string | undefined },
  { distributed }: Pick<TrainingOptions, 'distributed'>,
): void {
  if (given[place] !== undefined) return;
  const isAlone = distributed === 'off' || readMembership(process.env) === null;
  const why = `it needs ${place}, which says where checkpoints are`;
  if (isAlone && given.resume) throw withoutEffect('resume', '', why);
  if (isAlone && typeof given.checkpointMinutes === 'number')
    throw withoutEffect('checkpointMinutes', '', why);
}

function withoutEffect(name: string, part: string, why: string): InputError {
  const said = (shown: string) => `${shown}${part} would have no effect: ${why}. Leave it out.`;
  return new InputError('INVALID_ARGUMENT', said(name), { atCommandLine: said(flagOf(name) ?? name) });
}

/** @throws InputError `INVALID_ARGUMENT` for a stage that ends before its warm-up, and so before its learning rate */
function requireWarmUpsEnd(options: TrainingOptions): void {
  for (const [index, stage] of stagesOf(options).entries()) {
    const { warmupEpochs } = settingsOf(options, stage);
    const { epochs } = stage;
    if (warmupEpochs <= epochs) continue;
    const isOwn = stage.warmupEpochs !== undefined;
    const [name, part] = isOwn ? ['recipe', `[${index}].warmupEpochs`] : ['warmupEpochs', ''];
    const where = options.recipe === undefined ? 'the training' : `stage ${index + 1} of the recipe`;
    const said = (shown: string) =>
      `${shown}${part} ${warmupEpochs} would not end: ${where} has ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}, too few to ` +
      `reach its learning rate. Give at most ${epochs}, or more epochs.`;
    throw new InputError('INVALID_ARGUMENT', said(name), { atCommandLine: said(flagOf(name) ?? name) });
  }
}

/** Options without effect in any stage, each with the reason. */
function unusedOptions(options: TrainingOptions): Map<string, string> {
  const stages = stagesOf(options);
  const unused = new Map<string, string>();
  if (Array.isArray(options.recipe)) unused.set('epochs', 'each stage of the recipe sets its own');
  for (const name of SETTINGS) {
    const open = stages.filter((stage) => stage[name] === undefined);
    if (open.length === 0) unused.set(name, setByRecipe(options));
    else if (!open.some((stage) => isUsed(name, settingsOf(options, stage)))) unused.set(name, needed(name));
  }
  return unused;
}

/**
 * Settings that a named recipe overrides in some of its stages. It derives its rates from `learningRate`, which stays.
 */
function overriddenInPart(options: TrainingOptions): Array<[string, string]> {
  if (typeof options.recipe !== 'string') return [];
  const set = new Set(stagesOf(options).flatMap((stage) => Object.keys(stage)));
  return SETTINGS.filter((name) => name !== 'learningRate' && set.has(name)).map((name) => [
    name,
    setByRecipe(options),
  ]);
}

function setByRecipe({ recipe }: TrainingOptions): string {
  return typeof recipe === 'string'
    ? `the recipe '${recipe}' sets it itself`
    : 'every stage of the recipe sets it itself';
}

function needed(name: Setting): string {
  return `it needs ${NEEDS[name]?.text}`;
}

function isUsed(name: Setting, settings: StageSettings): boolean {
  return NEEDS[name]?.met(settings) ?? true;
}

function settingsOf(options: TrainingOptions, stage: Stage): StageSettings {
  return Object.fromEntries(
    SETTINGS.map((name) => [name, stage[name] ?? options[name]]),
  ) as unknown as StageSettings;
}
