import type { LayerDescription } from '../engine/native.ts';
import type { TrainingOptions } from '../options/index.ts';
import { matchedPart } from '../options/layer-selection.ts';
import { type StageSettings, settingsInEffect } from '../training/effects.ts';
import type { TrainingPlan } from '../training/plan.ts';
import { stagesOf } from '../training/recipes.ts';

type Recorded = {
  [Name in Exclude<keyof StageSettings, 'freeze'>]?: StageSettings[Name] | undefined;
};

/** The layers that a stage trains, and its settings without those that have no effect. */
export interface StageSetup extends Recorded {
  /** Null if the run has no recipe, or the recipe gives the stage no name. */
  name: string | null;
  /** Maximum number of epochs; early stopping may end the stage sooner. */
  epochs: number;
  trainableParameters: number;
  /** The layers that do not train; a group that is frozen as a whole is named once. */
  frozen: string[];
}

/**
 * The setup of each stage of a run.
 *
 * @param options checked
 * @param layers the model's layers before the first stage
 */
export function stageSetups(
  options: TrainingOptions,
  plan: TrainingPlan,
  layers: readonly LayerDescription[],
): StageSetup[] {
  const withParameters = layers.filter(({ parameters }) => parameters > 0);
  let trained = new Set(withParameters.filter(({ trainable }) => trainable).map(({ name }) => name));
  return stagesOf(options).map((stage, index) => {
    const trainable = plan.stages[index]?.trainable;
    if (trainable) trained = new Set(trainable);
    const { freeze: _, layerLearningRates, ...settings } = settingsInEffect(options, stage);
    const rates = Object.entries(layerLearningRates ?? {}).filter(([name]) =>
      [...trained].some((leaf) => matchedPart(name, leaf) !== undefined),
    );
    return {
      name: stage.name ?? null,
      epochs: stage.epochs,
      trainableParameters: parametersOf(withParameters, trained),
      frozen: groupsOf(
        withParameters.map(({ name }) => name),
        (leaf) => !trained.has(leaf),
      ),
      ...settings,
      ...(rates.length > 0 ? { layerLearningRates: Object.fromEntries(rates) } : {}),
    };
  });
}

/** Number of parameters of the layers that train in at least one stage. */
export function everTrained(plan: TrainingPlan, layers: readonly LayerDescription[]): number {
  const now = layers.filter(({ trainable }) => trainable).map(({ name }) => name);
  const [first, ...later] = plan.stages;
  const trained = [first?.trainable ?? now, ...later.map(({ trainable }) => trainable ?? [])];
  return parametersOf(layers, new Set(trained.flat()));
}

function parametersOf(layers: readonly LayerDescription[], names: ReadonlySet<string>): number {
  return layers.reduce((sum, { name, parameters }) => sum + (names.has(name) ? parameters : 0), 0);
}

/** The largest groups whose layers all have the property; `features` is called `backbone`. */
function groupsOf(leaves: readonly string[], has: (leaf: string) => boolean, prefix = ''): string[] {
  const parts = new Set(leaves.map((leaf) => leaf.slice(prefix.length).split('.')[0] as string));
  return [...parts].flatMap((part) => {
    const group = prefix + part;
    const inside = leaves.filter((leaf) => leaf === group || leaf.startsWith(`${group}.`));
    if (inside.every(has)) return [group === 'features' ? 'backbone' : group.replace(/^features\./, '')];
    return inside.length === 1 && inside[0] === group ? [] : groupsOf(inside, has, `${group}.`);
  });
}
