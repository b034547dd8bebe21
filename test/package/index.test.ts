import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';

const PRINT = 'console.log(Object.keys(exported).sort().join())';
const NAMES =
  'Dataset,DenseNet121,InputError,TorchTlError,crossValidate,downloadCifar10,downloadWeights,experiments,readRecipe,recipes,runAll,runExperiment,servePredictions,spreadLearningRates,trainClassifier,writeReport\n';

test.for([
  ['an ES module', ['--input-type=module', '--eval', `import * as exported from 'torch-tl'; ${PRINT}`]],
  ['CommonJS', ['--input-type=commonjs', '--eval', `const exported = require('torch-tl'); ${PRINT}`]],
  [
    'both at once',
    [
      '--input-type=module',
      '--eval',
      `import { createRequire } from 'node:module';
       import * as imported from 'torch-tl';
       const required = createRequire(import.meta.url)('torch-tl');
       const exported = Object.fromEntries(
         Object.entries(required).filter(([name, value]) => imported[name] === value),
       );
       ${PRINT}`,
    ],
  ],
] as const)('the package exports its public names to %s, without loading the engine', ([, args]) => {
  // No LibTorch is there to be found.
  const env = { ...process.env, PATH: '', TORCH_TL_LIBTORCH: '/nowhere', NODE_NO_WARNINGS: '1' };
  const options = { cwd: packageRoot, env, encoding: 'utf8' } as const;
  expect(execFileSync(process.execPath, args, options)).toBe(NAMES);
});
