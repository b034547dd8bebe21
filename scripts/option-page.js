import { AUGMENTATIONS, augmentationParts } from '../dist/options/augmentation.js';
import { experimentOptions } from '../dist/options/experiment.js';
import { searchFields } from '../dist/options/learning-rate.js';
import { commandLine, TOPICS } from '../dist/options/schema.js';
import { stageOptions } from '../dist/options/stage.js';
import { recipes } from '../dist/training/recipes.js';

/** The text of docs/options.md, from what the options declare. */
export function optionPage() {
  return `${[INTRODUCTION, ...TOPICS.map(topicSection), LAYERS, augmentationSection(), recipesSection(), STAGES].join('\n\n')}\n`;
}

const INTRODUCTION = `# Options

<!-- Made by \`node scripts/make-option-docs.js\` from lib/options/; change it there. -->

Every option has one name in programs and one flag on the command line, the same check and the same default.
\`torch-tl run\` and \`runExperiment\` take them all but those of Search, \`DenseNet121.fit\` those of Training,
Optimiser, Schedule and Regularisation; \`torch-tl lr-find\` and \`DenseNet121.findLearningRate\` those of Search, and
of the others what bears on a single step; \`torch-tl <command> --help\` lists a command's. A value that is wrong and a
name that is unknown are refused before any work begins.`;

const LAYERS = `## Layers

\`freeze\`, in options and as the method, and \`layerLearningRates\` name layers as torchvision does, the backbone's with
or without \`features.\`:

| selection | means |
|---|---|
| \`denseblock4\`, \`features.denseblock4.denselayer1\`, \`classifier\` | a layer, or a group with all that is in it |
| \`backbone\`, \`features\` | the whole backbone |
| \`*.norm1\`, \`denseblock?\` | a pattern: \`*\` stands for any characters, dots too, \`?\` for one |
| \`{ through: 'denseblock3' }\`, \`through:denseblock3\` on the command line | all from the stem up to and including it |
| \`/conv\\d$/\`, a RegExp, in programs alone | the leaf layers whose full name it finds |

\`freeze\` takes one or a list of them (commas on the command line). The empty list, \`none\` on the command line, freezes
nothing; without \`freeze\` the model trains as it is. In \`layerLearningRates\` names and patterns stand before their rate; of those that mean the same layer the one
of the smallest group wins: \`denseblock4.denselayer1\` before \`denseblock4\`. The schedule scales these rates as it
does \`learningRate\`. \`spreadLearningRates(low, high)\` makes such a record, rising from the stem to the head.`;

const STAGES = `## Stages

A recipe's file is \`{ "formatVersion": 1, "stages": [...] }\`; programs give the list itself, or \`readRecipe(file)\`.
A stage needs \`epochs\`. What else it leaves out is as the run has it, and where neither says what is frozen, that
stays as it is then. Every stage starts with a fresh optimiser and schedule. It may set

${namesOf(stageOptions.omit({ epochs: true }))}.

\`\`\`json
{
  "formatVersion": 1,
  "stages": [
    { "name": "head", "epochs": 5, "freeze": "backbone" },
    { "name": "all", "epochs": 10, "freeze": [], "optimizer": "sgd", "learningRate": 0.001, "schedule": "cosine" }
  ]
}
\`\`\``;

function topicSection(topic) {
  const fields = { ...experimentOptions.shape, ...searchFields };
  const rows = Object.entries(fields).flatMap(([name, type]) => {
    const declared = commandLine.get(type);
    return declared?.topic === topic ? [row(name, type, declared)] : [];
  });
  return `## ${topic}\n\n${table(['option', 'flag', 'must be', 'default', 'what it is'], rows)}`;
}

function row(name, type, { flags, description, off }) {
  const shownFlags = off ? [flags, off.flags] : [flags];
  const what = off ? `${description}; or ${off.description}` : description;
  return [code(name), shownFlags.map(code).join(', '), phraseOf(type), defaultOf(type), what];
}

function augmentationSection() {
  const rows = Object.entries(augmentationParts.shape).map(([name, type]) => [
    code(name),
    partsOf(type),
    type.description ?? '',
  ]);
  const presets = Object.entries(AUGMENTATIONS).map(([name, parts]) => {
    const on = Object.entries(parts).filter(([, value]) => value !== null && value !== 0);
    return `- ${code(name)}: ${code(JSON.stringify(Object.fromEntries(on), rounded))}`;
  });
  return [
    '## Augmentation',
    'An object has any of these parts, which are applied in this order; what is left out is off:',
    table(['part', 'value, with defaults', 'what it is'], rows),
    'The presets:',
    presets.join('\n'),
  ].join('\n\n');
}

/** A part's own parts with their defaults, or its default. */

function partsOf(type) {
  const parts = type.safeParse({}).data;
  return parts === undefined ? phraseOf(type) : code(JSON.stringify(parts, rounded));
}

function recipesSection() {
  const rows = Object.entries(recipes).map(([name, { description, leastEpochs }]) => [
    code(name),
    String(leastEpochs),
    description,
  ]);
  return `## Recipes\n\n${table(['recipe', 'epochs, at least', 'what it does'], rows)}`;
}

function namesOf(schema) {
  return Object.keys(schema.shape).map(code).join(', ');
}

/** What the check says where the value is of no kind that it takes. */

function phraseOf(type) {
  return type.safeParse(Symbol()).error?.issues[0]?.message ?? '';
}

function defaultOf(type) {
  const { data } = type.safeParse(undefined);
  return data === undefined ? '' : code(String(data));
}

function rounded(_, value) {
  return typeof value === 'number' ? Number(value.toPrecision(3)) : value;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

function code(text) {
  return `\`${text}\``;
}
