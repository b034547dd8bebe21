import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { programArguments, torchTlArguments } from '../../cli/torch-tl.ts';
import { filesUnder, hashesIn, hashOf } from '../../support/file-hashes.ts';
import { fileServer, whole } from '../../support/file-server.ts';
import { type Colour, writeImages } from '../../support/images.ts';
import { archive, installArguments } from '../../support/libtorch-archive.ts';
import { writeRun } from '../../support/run-files.ts';
import { savedModel } from '../../support/saved-model.ts';
import { type Call, nodeSucceeds } from './inject.ts';

/*
 * What writes files, for test/faults/crash.test.ts: how it is called, what it leaves when nothing goes wrong, and how a
 * fresh process goes on where something did.
 */

export interface Scenario {
  /** Makes what the call finds in its directory. */
  prepare(cwd: string): Promise<Omit<Call, 'cwd'>>;
  /** What holds after the call has done its work undisturbed. */
  state(cwd: string): unknown;
  /** Has a fresh process find what the disturbed one left, and do the work where it is not done. */
  recover(cwd: string): Promise<void>;
}

const SMALL = ['--limit-train', '20', '--limit-valid', '10', '--image-size', '32', '--epochs', '2'];
const RUN = ['run', 'finetune', ...SMALL];
const WHOLE_RUN = [...RUN, '--calibrate', '--tensorboard', '--out', 'run'];
const EXPORT = ['export', '--weights', 'model.safetensors', '--format', 'pth', '--out', 'kept/model'];
const REPORT = ['report', 'one', '--out', 'kept/report.html'];
const WITH_FEATURES = [...RUN, '--feature-cache', 'features'];
const OWN_IMAGES = ['train', 'pictures', '--image-size', '32', '--epochs', '2', '--image-cache', 'images'];

const SEVERAL_SEEDS = ['train', 'pictures', '--image-size', '32', '--epochs', '1', '--seeds', '2'];
const TWO_PROCESSES = [...RUN, '--processes', '2'];
const TWO_PROCESSES_WORDS = ['run', 'finetune', '--processes', '2'];
const FEATURES = ['features', '--data', 'pictures', '--image-size', '32', '--out', 'kept/features'];
const COPIES = ['predict', '--weights', 'model.safetensors', 'pictures', '--copy-to', 'sorted'];

const PICTURES: Record<string, Colour> = Object.fromEntries(
  Array.from({ length: 20 }, (_, index) => [
    `${index % 2 === 0 ? 'dark' : 'bright'}/${index}.png`,
    [index, 200 * (index % 2), index],
  ]),
);

function writePictures(cwd: string): Promise<void> {
  return writeImages(join(cwd, 'pictures'), PICTURES);
}

const SAVE = `
  import { DenseNet121 } from 'torch-tl';
  const model = await DenseNet121.load('model.safetensors');
  await model.save('kept/model');
`;

const CONTENT = Buffer.alloc(3_000_000, 'all the bytes of a file ');

function downloadProgram(url: string): string {
  const module = new URL('../../../dist/download/download.js', import.meta.url).href;
  const sha256 = createHash('sha256').update(CONTENT).digest('hex');
  return `
    import { download } from ${JSON.stringify(module)};
    await download(${JSON.stringify(url)}, 'kept/file', { sha256: '${sha256}', size: ${CONTENT.length} });
  `;
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a run': {
    prepare: async () => ({ args: torchTlArguments(WHOLE_RUN), path: '/run' }),
    state: (cwd) => outcomeOf(join(cwd, 'run')),
    recover: async (cwd) => {
      await resume(WHOLE_RUN, join(cwd, 'run'), cwd);
      requireTidy(join(cwd, 'run'));
    },
  },
  'a run of two processes': {
    prepare: async () => ({ args: torchTlArguments([...TWO_PROCESSES, '--out', 'run']), path: '/run' }),
    state: (cwd) => outcomeOf(join(cwd, 'run')),
    recover: async (cwd) => {
      const run = join(cwd, 'run');
      await succeeds(resumption([...TWO_PROCESSES, '--out', 'run'], run, TWO_PROCESSES_WORDS), cwd);
      requireTidy(run);
    },
  },
  'runs of two seeds': {
    prepare: async (cwd) => {
      await writePictures(cwd);
      return { args: torchTlArguments([...SEVERAL_SEEDS, '--out', 'run']), path: '/run' };
    },
    state: (cwd) => outcomesIn(join(cwd, 'run')),
    recover: async (cwd) => {
      const run = join(cwd, 'run');
      await succeeds(resumption([...SEVERAL_SEEDS, '--out', 'run'], run, ['train', '--seeds', '2']), cwd);
      requireTidy(run);
    },
  },
  'kept features': cacheScenario(WITH_FEATURES, 'features'),
  'decoded images': cacheScenario(OWN_IMAGES, 'images', writePictures),
  'features over another file': {
    prepare: async (cwd) => {
      await writePictures(cwd);
      mkdirSync(join(cwd, 'kept'));
      await succeeds(FEATURES, cwd);
      return { args: torchTlArguments(FEATURES), path: join(cwd, 'kept') };
    },
    state: (cwd) => hashesIn(join(cwd, 'kept')),
    recover: async (cwd) => {
      const before = hashOf(join(cwd, 'kept', 'features'));
      await succeeds(FEATURES, cwd);
      expect(hashOf(join(cwd, 'kept', 'features'))).toBe(before);
    },
  },
  'copies of images by class': {
    prepare: async (cwd) => {
      await writePictures(cwd);
      cpSync(await savedModel(), join(cwd, 'model.safetensors'));
      return { args: torchTlArguments(COPIES), path: '/sorted' };
    },
    state: (cwd) => hashesIn(join(cwd, 'sorted')),
    recover: (cwd) => succeeds(COPIES, cwd),
  },
  'an export over another file': {
    prepare: async (cwd) => ({ args: torchTlArguments(EXPORT), path: await keptModel(cwd) }),
    state: (cwd) => hashOf(join(cwd, 'kept', 'model')),
    recover: async (cwd) => {
      await succeeds(['weights', 'inspect', 'kept/model'], cwd);
      await succeeds(EXPORT, cwd);
      requireTidy(join(cwd, 'kept'));
    },
  },
  'a saved model over another file': {
    prepare: async (cwd) => ({ args: programArguments(SAVE), path: await keptModel(cwd) }),
    state: (cwd) => hashOf(join(cwd, 'kept', 'model')),
    recover: async (cwd) => {
      await succeeds(['weights', 'inspect', 'kept/model'], cwd);
      await nodeSucceeds(programArguments(SAVE), cwd);
      requireTidy(join(cwd, 'kept'));
    },
  },
  'a report over another': {
    prepare: async (cwd) => {
      writeRun(join(cwd, 'one'));
      mkdirSync(join(cwd, 'kept'));
      await succeeds(REPORT, cwd);
      return { args: torchTlArguments(REPORT), path: join(cwd, 'kept') };
    },
    state: (cwd) => isWholePage(join(cwd, 'kept', 'report.html')),
    recover: async (cwd) => {
      expect(isWholePage(join(cwd, 'kept', 'report.html'))).toBe(true);
      await succeeds(REPORT, cwd);
      requireTidy(join(cwd, 'kept'));
    },
  },
  'a download': {
    prepare: async (cwd) => {
      mkdirSync(join(cwd, 'kept'));
      const { url } = await fileServer(whole(CONTENT));
      return { args: programArguments(downloadProgram(url)), path: join(cwd, 'kept') };
    },
    state: (cwd) => hashOf(join(cwd, 'kept', 'file')),
    recover: async (cwd) => {
      const { url } = await fileServer(whole(CONTENT));
      const before = hashOf(join(cwd, 'kept', 'file'));
      // Under its final name the file is whole or not there.
      expect([null, createHash('sha256').update(CONTENT).digest('hex')]).toContain(before);
      await nodeSucceeds(programArguments(downloadProgram(url)), cwd);
      expect(readdirSync(join(cwd, 'kept'))).toEqual(['file']);
    },
  },
  'an installation of LibTorch': {
    prepare: async (cwd) => {
      mkdirSync(join(cwd, 'kept'));
      return { args: await installing(cwd), path: join(cwd, 'kept') };
    },
    state: (cwd) => {
      // An empty lock file keeps nobody out.
      const { '.libtorch.lock': _, ...installed } = hashesIn(join(cwd, 'kept'));
      return installed;
    },
    recover: async (cwd) => nodeSucceeds(await installing(cwd), cwd),
  },
};

async function installing(cwd: string): Promise<string[]> {
  const { url } = await fileServer(whole(archive()));
  return installArguments(url, join(cwd, 'kept'));
}

/** A training that keeps something in a directory, which another one then finds or makes anew. */
function cacheScenario(
  training: readonly string[],
  directory: string,
  begin: (cwd: string) => Promise<void> = async () => {},
): Scenario {
  return {
    prepare: async (cwd) => {
      await begin(cwd);
      return { args: torchTlArguments([...training, '--out', 'run']), path: join(cwd, directory) };
    },
    state: (cwd) => outcomeOf(join(cwd, existsSync(join(cwd, 'again')) ? 'again' : 'run')).losses,
    recover: (cwd) => succeeds([...training, '--out', 'again'], cwd),
  };
}

/** A model, and a directory with a copy of it, whose path is returned. */
async function keptModel(cwd: string): Promise<string> {
  cpSync(await savedModel(), join(cwd, 'model.safetensors'));
  mkdirSync(join(cwd, 'kept'));
  cpSync(join(cwd, 'model.safetensors'), join(cwd, 'kept', 'model'));
  return join(cwd, 'kept');
}

/** The arguments that resume the runs in a directory, or begin them where there are none. */
export function resumption(
  run: readonly string[],
  directory: string,
  words: readonly string[] = ['run', 'finetune'],
): string[] {
  const hasBegun = filesUnder(directory).some(({ path }) => basename(path) === 'config.json');
  return hasBegun ? [...words, '--resume', '--out', directory] : [...run];
}

/** Resumes the run in a directory, or begins it where there is none. */
export async function resume(run: readonly string[], directory: string, cwd: string): Promise<void> {
  await succeeds(resumption(run, directory), cwd);
}

export function succeeds(args: readonly string[], cwd: string): Promise<void> {
  return nodeSucceeds(torchTlArguments(args), cwd);
}

/** What a run came to: its losses, and the bits of its best model. */
export function outcomeOf(directory: string) {
  const { epochs, calibration } = JSON.parse(readFileSync(join(directory, 'results.json'), 'utf8'));
  const losses = epochs.map(({ trainLoss, validLoss }: { trainLoss: number; validLoss: number }) => [
    trainLoss,
    validLoss,
  ]);
  return { losses, calibration, best: hashOf(join(directory, 'best.safetensors')) };
}

/** What all runs in a directory came to, by their places in it. */
export function outcomesIn(directory: string) {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  const runs = names.filter((name) => basename(name) === 'results.json').map(dirname);
  return Object.fromEntries(runs.map((run) => [run, outcomeOf(join(directory, run))]));
}

function isWholePage(file: string): boolean {
  return /<\/html>\s*$/.test(readFileSync(file, 'utf8'));
}

/** Nothing that has a final name is a part; temporary files of the killed process are gone. */
export function requireTidy(directory: string): void {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  expect(names.filter((name) => name.includes('.tmp'))).toEqual([]);
}
