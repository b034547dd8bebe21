import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** What a program that uses the package compiles against. */
function declarations(): string {
  const directory = temporaryDirectory();
  tsc(['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', join(directory, 'dist')]);
  return directory;
}

test('the published types have no any', () => {
  const directory = join(declarations(), 'dist');
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.d.ts'),
  );
  expect(files).toContain('index.d.ts');
  const comments = /\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'|"[^"\n]*"/g;
  const withAny = files.filter((name) =>
    /\bany\b/.test(readFileSync(join(directory, name), 'utf8').replaceAll(comments, '')),
  );
  expect(withAny).toEqual([]);
});

test('a strict program compiles against the published types, which leave nothing internal in sight', () => {
  const directory = declarations();
  symlinkSync(join(packageRoot, 'node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(directory, 'program.ts'),
    `
      import { Dataset, DenseNet121, type FitOptions } from './dist/index.js';
      const train = await Dataset.fromFolder('flowers/train', { imageSize: 224 });
      const options: FitOptions = { valid: train, epochs: 2, augmentation: 'light' };
      const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 224 });
      for await (const epoch of model.fit(train, options)) console.log(epoch.validAccuracy.toFixed(3));
      // @ts-expect-error: the engine's
      await train.onDevice('cpu');
      // @ts-expect-error: read from files, or from images
      new Dataset();
    `,
  );
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--types', 'node'];
  const modern = ['--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable'];
  expect(() => tsc([...strict, ...modern, 'program.ts'], directory)).not.toThrow();
});

function tsc(args: string[], cwd = packageRoot): void {
  const compiler = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    execFileSync(process.execPath, [compiler, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  }
}
