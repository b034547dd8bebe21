import { InputError } from '../errors.ts';
import { flagOf, type Stage, type TrainingOptions } from '../options/index.ts';
import { optimizerFields } from '../options/optimizer.ts';
import { scheduleFields } from '../options/schedule.ts';
import { stagesOf } from './recipes.ts';

/*
 * Which of a training's options have an effect. What has none is refused where someone sets it, and recorded nowhere as if
 * it had been trained with.
 */

/** What a stage trains with: its own settings, and the run's where it has none. */
export type StageSettings = Pick<
  TrainingOptions,
  keyof typeof optimizerFields | keyof typeof scheduleFields | 'freeze'
>;

type Setting = keyof StageSettings;

const SETTINGS = ['freeze', ...Object.keys(optimizerFields), ...Object.keys(scheduleFields)] as Setting[];

/** Settings that only some optimisers, schedules and the like look at: which, and whether these do. */
const NEEDS: Partial<Record<Setting, { text: string; met: (settings: StageSettings) => boolean }>> = {
  beta1: { text: 'the optimizer adam or adamw', met: ({ optimizer }) => optimizer !== 'sgd' },
  beta2: { text: 'the optimizer adam or adamw', met: ({ optimizer }) => optimizer !== 'sgd' },
  epsilon: { text: 'the optimizer adam or adamw', met: ({ optimizer }) => optimizer !== 'sgd' },
  momentum: { text: 'the optimizer sgd', met: ({ optimizer }) => optimizer === 'sgd' },
  nesterov: { text: 'the optimizer sgd', met: ({ optimizer }) => optimizer === 'sgd' },
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
    text: 'an early-stopping patience that is not off',
    met: ({ earlyStoppingPatience }) => earlyStoppingPatience !== 'off',
  },
};

/** What a stage trains with, without what has no effect in it. */
export function settingsInEffect(options: TrainingOptions, stage: Stage): Partial<StageSettings> {
  const settings = settingsOf(options, stage);
  const effective = SETTINGS.filter((name) => settings[name] !== undefined && isUsed(name, settings));
  return Object.fromEntries(effective.map((name) => [name, settings[name]]));
}

/** The options of a training in one stage that is the first one of these. */
export function firstStageOf<Options extends TrainingOptions>({ recipe, ...options }: Options): Options {
  const [stage] = stagesOf({ ...options, recipe } as Options) as [Stage];
  return { ...options, ...settingsInEffect({ ...options, recipe }, stage), epochs: stage.epochs } as Options;
}

/**
 * The same options without those that have no effect in any stage.
 *
 * @param options checked
 */
export function withoutUnused<Options extends TrainingOptions>(options: Options): Partial<Options> {
  const unused = unusedOptions(options);
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => !unused.has(name)),
  ) as Partial<Options>;
}

/** The names of the options that have no effect in any stage. */
export function unusedNames(options: TrainingOptions): string[] {
  return [...unusedOptions(options).keys()];
}

/**
 * Makes sure that what someone set has an effect.
 *
 * @param given what was set
 * @param options all, checked
 * @throws InputError `INVALID_ARGUMENT` for the first option without effect; what `stagesOf` throws
 */
export function requireUsed(given: object, options: TrainingOptions): void {
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

function withoutEffect(name: string, part: string, why: string): InputError {
  const said = (shown: string) => `${shown}${part} would have no effect: ${why}. Leave it out.`;
  return new InputError('INVALID_ARGUMENT', said(name), { atCommandLine: said(flagOf(name) ?? name) });
}

/** Why each has none. */
function unusedOptions(options: TrainingOptions): Map<string, string> {
  const stages = stagesOf(options);
  const unused = new Map<string, string>();
  if (Array.isArray(options.recipe)) unused.set('epochs', 'the stages of the recipe say theirs');
  for (const name of SETTINGS) {
    const open = stages.filter((stage) => stage[name] === undefined);
    if (open.length === 0) unused.set(name, setByRecipe(options));
    else if (!open.some((stage) => isUsed(name, settingsOf(options, stage)))) unused.set(name, needed(name));
  }
  return unused;
}

/** What a named recipe takes for some of its stages only; a learning rate is what it goes by. */
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
