import { execFileSync, spawn } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { filesOptions, imagesOptions, listOptions } from '../../lib/data/dataset.ts';
import { crossValidateOptions } from '../../lib/experiments/cross-validate.ts';
import { extractionOptions } from '../../lib/model/extraction.ts';
import { gradCamOptions } from '../../lib/model/grad-cam.ts';
import { predictOptions } from '../../lib/model/predict.ts';
import { modelExportOptions } from '../../lib/options/export.ts';
import {
  experimentOptions,
  serviceListenOptions,
  serviceOptions,
  stageOptions,
  trainingOptions,
  trainOptions,
} from '../../lib/options/index.ts';
import { createOptions, loadOptions } from '../../lib/options/model.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { fitOptions } from '../../lib/training/fit.ts';
import { learningRateOptions } from '../../lib/training/learning-rate.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** What the package exports, and what checks it. */
const TYPES: Record<string, z.ZodObject> = {
  CreateOptions: createOptions,
  CrossValidateOptions: crossValidateOptions,
  ExperimentOptions: experimentOptions,
  ExportOptions: modelExportOptions,
  ExtractionOptions: extractionOptions,
  FitOptions: fitOptions,
  FolderOptions: filesOptions,
  GradCamOptions: gradCamOptions,
  ImagesOptions: imagesOptions,
  LearningRateOptions: learningRateOptions,
  ListOptions: listOptions,
  LoadOptions: loadOptions,
  TrainClassifierOptions: trainOptions,
  PredictOptions: predictOptions,
  ServiceListenOptions: serviceListenOptions,
  ServiceOptions: serviceOptions,
  Stage: stageOptions,
  TrainingOptions: trainingOptions,
};

test('lib/options/docs.ts and docs/options.md say what options declare; node scripts/make-option-docs.js writes them', () => {
  const script = join(packageRoot, 'scripts', 'make-option-docs.js');
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
});

test('an editor shows of every option of every type what it is, and its default', async () => {
  const directory = temporaryDirectory();
  symlinkSync(join(packageRoot, 'node_modules'), join(directory, 'node_modules'));
  symlinkSync(join(packageRoot, 'dist'), join(directory, 'dist'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, types: ['node'] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  const options = Object.entries(TYPES).flatMap(([type, schema]) =>
    Object.entries(schema.shape).map(([name, check]) => ({ type, name, check: check as z.ZodType })),
  );
  const text = [
    `import type { ${Object.keys(TYPES).join(', ')} } from './dist/index.js';`,
    ...options.map(({ type, name }) => `declare const ${type}_${name}: ${type}; ${type}_${name}.${name};`),
  ];
  const program = join(directory, 'program.ts');
  writeFileSync(program, text.join('\n'));
  const shown = await hovers(
    directory,
    program,
    text.join('\n'),
    (line) => text[line]?.lastIndexOf('.') ?? 0,
  );
  for (const [index, { type, name, check }] of options.entries()) {
    const said = shown[index + 1] ?? '';
    expect(said, `${type}.${name}`).toMatch(/\n[A-Z0-9`].*\.$/s);
    const { defaultValue } = check.def as { defaultValue?: unknown };
    if (defaultValue !== undefined) {
      expect(said, `${type}.${name}`).toContain(`Default: \`${JSON.stringify(defaultValue)}\`.`);
    }
  }
});

/** Else what is said runs into the type before it. */
const MARKDOWN = { textDocument: { hover: { contentFormat: ['markdown'] } } };

/** What TypeScript's language server shows after the last dot of each line. */
async function hovers(
  root: string,
  file: string,
  text: string,
  dot: (line: number) => number,
): Promise<string[]> {
  const compiler = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  const server = spawn(process.execPath, [compiler, '--lsp', '--stdio'], { cwd: root });
  const answers = new Map<number, (result: unknown) => void>();
  let received = Buffer.alloc(0);
  const send = (message: object) => {
    const content = JSON.stringify({ jsonrpc: '2.0', ...message });
    server.stdin.write(`Content-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`);
  };
  server.stdout.on('data', (part: Buffer) => {
    received = Buffer.concat([received, part]);
    while (true) {
      const [head, length] =
        /^Content-Length: (\d+)\r\n(?:.+\r\n)*\r\n/.exec(received.toString('latin1')) ?? [];
      if (!head || received.length < head.length + Number(length)) return;
      const message = JSON.parse(received.subarray(head.length, head.length + Number(length)).toString());
      received = received.subarray(head.length + Number(length));
      // What the server asks for is of no matter here.
      if (message.method !== undefined && message.id !== undefined) send({ id: message.id, result: null });
      else answers.get(message.id)?.(message.result);
    }
  });
  const ask = (id: number, method: string, params: object) =>
    new Promise<unknown>((resolve) => {
      answers.set(id, resolve);
      send({ id, method, params });
    });
  try {
    const rootUri = pathToFileURL(root).href;
    const textDocument = { uri: pathToFileURL(file).href };
    await ask(-1, 'initialize', { processId: process.pid, rootUri, capabilities: MARKDOWN });
    send({ method: 'initialized', params: {} });
    send({
      method: 'textDocument/didOpen',
      params: { textDocument: { ...textDocument, languageId: 'typescript', version: 1, text } },
    });
    const shown = [];
    for (const line of text.split('\n').keys()) {
      const position = { line, character: dot(line) + 1 };
      const hover = await ask(line, 'textDocument/hover', { textDocument, position });
      const { contents } = (hover ?? { contents: '' }) as { contents: string | { value: string } };
      shown.push(typeof contents === 'string' ? contents : contents.value);
    }
    return shown.map((one) => one.trim());
  } finally {
    server.kill();
  }
}
