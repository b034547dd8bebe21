/*
 * Writes what is made of the declared options, as compiled to dist by `npm run compile`: lib/options/docs.ts, which editors
 * show of every option, and docs/options.md.
 *
 *   node scripts/make-option-docs.js          writes both
 *   node scripts/make-option-docs.js --check  fails where one is not as it would be written
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { downloadCifar10Options } from '../dist/data/cifar10/download.js';
import { filesOptions, imagesOptions, listOptions } from '../dist/data/dataset.js';
import { extractionOptions } from '../dist/model/extraction.js';
import { gradCamOptions } from '../dist/model/grad-cam.js';
import { predictOptions } from '../dist/model/predict.js';
import { modelExportOptions } from '../dist/options/export.js';
import {
  commandLine,
  experimentOptions,
  stageOptions,
  trainingOptions,
  trainOptions,
} from '../dist/options/index.js';
import { createOptions, loadOptions } from '../dist/options/model.js';
import { fitOptions } from '../dist/training/fit.js';
import { learningRateOptions } from '../dist/training/learning-rate.js';
import { downloadWeightsOptions } from '../dist/weights/download-weights.js';
import { optionPage } from './option-page.js';

const SCHEMAS = {
  CreateDocs: createOptions,
  DownloadCifar10Docs: downloadCifar10Options,
  DownloadWeightsDocs: downloadWeightsOptions,
  ExperimentDocs: experimentOptions,
  ExportDocs: modelExportOptions,
  ExtractionDocs: extractionOptions,
  FitDocs: fitOptions,
  FolderDocs: filesOptions,
  GradCamDocs: gradCamOptions,
  ImagesDocs: imagesOptions,
  LearningRateDocs: learningRateOptions,
  ListDocs: listOptions,
  LoadDocs: loadOptions,
  TrainClassifierDocs: trainOptions,
  PredictDocs: predictOptions,
  StageDocs: stageOptions,
  TrainingDocs: trainingOptions,
};

function optionTypes() {
  const interfaces = Object.entries(SCHEMAS).map(([name, schema]) => {
    const members = Object.entries(schema.shape).map(
      ([option, type]) => `  /** ${comment(name, option, type)} */\n  ${option}?: unknown;`,
    );
    return `export interface ${name} {\n${members.join('\n')}\n}`;
  });
  return `/* Made by \`node scripts/make-option-docs.js\` from what options declare; change it there. */\n\n${interfaces.join('\n\n')}\n`;
}

function comment(name, option, type) {
  const declared = commandLine.get(type);
  const what = type.description ?? declared?.description;
  if (!what) throw new Error(`${name}: the option '${option}' has no description.`);
  const off = declared?.off ? ` False: ${declared.off.description}.` : '';
  const { defaultValue } = type.def;
  const byDefault = defaultValue === undefined ? '' : ` Default: \`${JSON.stringify(defaultValue)}\`.`;
  return `${what[0].toUpperCase()}${what.slice(1)}.${off}${byDefault}`.replaceAll('*/', '*\\/');
}

const FILES = { 'lib/options/docs.ts': optionTypes(), 'docs/options.md': optionPage() };

for (const [name, text] of Object.entries(FILES)) {
  const file = new URL(`../${name}`, import.meta.url);
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${name} is not as options declare: node scripts/make-option-docs.js`);
    process.exitCode = 1;
  }
}
