import { writeSample } from '../../support/sample-folder.ts';
import { lastingDirectory, shared } from '../../support/temporary-directory.ts';
import type { EventName, Kind } from './expected.ts';

/*
 * Programs that call the package, and what ends them in the middle of a call.
 */

export interface ProgramJob {
  kind: Extract<Kind, 'fit' | 'call'>;
  /** A module's text. It calls `inTheMiddle()` in the middle of its work, and `result(value)` at the end. */
  text(): Promise<string>;
}

const photos = shared(async () => {
  const directory = lastingDirectory();
  await writeSample(directory, 14);
  return directory;
});

const IMPORTS = `
  import { createHash } from 'node:crypto';
  import { existsSync, readFileSync } from 'node:fs';
  import { Dataset, DenseNet121 } from 'torch-tl';
  const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex');
`;

const DATA = `
  const { train, valid } = await Dataset.cifar10('sample', { train: 24, valid: 10 });
  const model = await DenseNet121.create({ head: 'finetune', classes: train.classes, imageSize: 32, seed: 3 });
`;

const program = (text: string) => async () => `${IMPORTS} ${DATA} ${text}`;

export const PROGRAMS: Record<string, ProgramJob> = {
  fit: {
    kind: 'fit',
    text: program(`
      const run = model.fit(train, {
        valid, epochs: 4, batchSize: 8, seed: 3, augmentation: 'light', freeze: { through: 'denseblock3' },
        earlyStoppingPatience: 'off', checkpoint: 'kept/checkpoint.safetensors', resume: true,
      });
      for await (const { epoch } of run) if (epoch === 2) inTheMiddle();
      const { epochs } = await run.result;
      await model.save('trained.safetensors');
      result([epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]), hashOf(readFileSync('trained.safetensors'))]);
    `),
  },
  evaluate: {
    kind: 'call',
    text: program(`result((await model.evaluate(train, { batchSize: 4, onProgress: inTheMiddle })).loss);`),
  },
  features: {
    kind: 'call',
    text: program(`
      const { data } = await model.features(train, { batchSize: 4, onProgress: inTheMiddle });
      result(hashOf(new Uint8Array(data.buffer)));
    `),
  },
  predict: {
    kind: 'call',
    text: program(`
      const image = { data: new Uint8Array(320 * 320 * 3).fill(99), width: 320, height: 320, channels: 3 };
      const answers = model.predict(new Array(24).fill(image), { batchSize: 4 });
      setTimeout(inTheMiddle, 10);
      result((await answers).map(({ probability }) => probability));
    `),
  },
  save: {
    kind: 'call',
    text: program(`
      if (!existsSync('model.safetensors')) await model.save('model.safetensors');
      await DenseNet121.load('model.safetensors');
      const saved = model.save('model.safetensors');
      setTimeout(inTheMiddle, 10);
      await saved;
      result(hashOf(readFileSync('model.safetensors')));
    `),
  },
  'Dataset.fromFolder': {
    kind: 'call',
    text: async () => `${IMPORTS}
      const data = await Dataset.fromFolder(${JSON.stringify(await photos())}, {
        imageSize: 96, imageCache: 'cache', onProgress: inTheMiddle,
      });
      const model = await DenseNet121.create({ head: 'linear', classes: data.classes, imageSize: 96, seed: 3 });
      result(hashOf(new Uint8Array((await model.features(data)).data.buffer)));
    `,
  },
};

const signal = (name: NodeJS.Signals) => `process.kill(process.pid, '${name}');`;

/** What a program does in the middle of its work. */
export const ENDS = {
  interrupted: signal('SIGINT'),
  terminated: signal('SIGTERM'),
  'hung up': signal('SIGHUP'),
  'broken pipe': signal('SIGPIPE'),
  // The test sends SIGCONT.
  suspended: signal('SIGSTOP'),
  'process.exit': 'process.exit(7);',
  uncaught: "setTimeout(() => { throw new Error('of the program'); });",
  unhandled: "Promise.reject(new Error('of the program'));",
  removed: "(await import('node:fs')).rmSync('kept', { recursive: true });",
  replaced: `
    const { mkdirSync, renameSync, writeFileSync } = await import('node:fs');
    renameSync('kept', 'moved');
    mkdirSync('kept');
    writeFileSync('kept/checkpoint.safetensors', 'other');`,
  // The test has that happen.
  'clock set back': '',
  terminate: "(await import('node:worker_threads')).parentPort.postMessage('in the middle');",
} satisfies Partial<Record<EventName, string>>;

/** Something to do once in the middle, and a way to tell of the result. */
export function withEnd(text: string, end: string): string {
  return `
    let isOver = false;
    async function inTheMiddle() {
      if (isOver) return;
      isOver = true;
      ${end}
    }
    function result(value) { console.log(JSON.stringify(value)); }
    ${text}`;
}

/** Has a Worker run worker.mjs until it is in the middle, and terminates it. */
export const TERMINATION = `
  import { once } from 'node:events';
  import { Worker } from 'node:worker_threads';
  const worker = new Worker('./worker.mjs', { execArgv: [] });
  await once(worker, 'message');
  await worker.terminate();
  console.log('goes on');
`;
