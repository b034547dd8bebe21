import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { checkOptions } from '../../lib/options/index.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { fitOptions } from '../../lib/training/fit.ts';
import { spreadLearningRates } from '../../lib/training/recipes.ts';
import { smallData, smallModel } from '../support/small-data.ts';

/*
 * What docs/from-keras-and-fastai.md says of torch-tl: its programs run, and the options and methods of
 * its tables are there.
 */

const page = readFileSync(join(packageRoot, 'docs', 'from-keras-and-fastai.md'), 'utf8');
const programs = [...page.matchAll(/^```js\n(.*?)^```/gms)].map(([, text]) => text as string);
/** The middle cells of the tables. */
const cells = [...page.matchAll(/^\| .+? \| (.+?) \|.*\|$/gm)].map(([, cell]) => cell as string);
const spans = cells.flatMap((cell) => [...cell.matchAll(/`(.+?)`/g)].map(([, code]) => code as string));

test.each(programs)('program %# runs', async (text) => {
  const { train, valid } = await smallData();
  const model = await smallModel();
  await runProgram(text, { model, train, valid });
});

test('the options of its tables can be given', () => {
  const options = spans.filter((code) => /^\w+: /.test(code));
  expect(options.length).toBeGreaterThan(0);
  for (const code of options) {
    const given = new Function('spreadLearningRates', `return { ${code} }`)(spreadLearningRates) as object;
    // Paths become absolute.
    const checked = Object.entries(given).map(([name, value]) => [
      name,
      name === 'checkpoint' ? resolve(value) : value,
    ]);
    expect(checkOptions(fitOptions.omit({ valid: true }), given), code).toMatchObject(
      Object.fromEntries(checked),
    );
  }
});

test('the methods of its tables are there', () => {
  const owners = { Dataset, DenseNet121, model: DenseNet121.prototype, train: Dataset.prototype };
  const calls = spans.flatMap((code) => [...code.matchAll(/^(Dataset|DenseNet121|model|train)\.(\w+)\(/g)]);
  expect(calls.length).toBeGreaterThan(0);
  for (const [, owner, method] of calls) {
    expect(owners[owner as keyof typeof owners]).toHaveProperty(method as string, expect.any(Function));
  }
});

function runProgram(text: string, values: { model: DenseNet121; train: Dataset; valid: Dataset }) {
  const names = { ...values, spreadLearningRates };
  const body = `return (async () => { ${text} })();`;
  return new Function(...Object.keys(names), body)(...Object.values(names)) as Promise<void>;
}
