import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';
import { nodeProcess } from './torch-tl.ts';

/*
 * Every program of examples/ runs as its header says, ends well, and has something to say. They import
 * the package by its name, as users do. The services, which run until they are stopped, have http-service.test.ts.
 */

const programs = readdirSync(join(packageRoot, 'examples')).filter(
  (name) => /\.c?js$/.test(name) && !name.startsWith('http-service'),
);

test.each(programs)('examples/%s runs', async (name) => {
  const ended = await nodeProcess([join('examples', name)], { cwd: packageRoot });
  expect(ended).toEqual({ code: 0, stdout: expect.stringMatching(/\S/), stderr: '' });
});
