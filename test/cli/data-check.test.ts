import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scenesIn, writeScenes } from '../support/scenes.ts';
import { lastingDirectory, shared } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

/** A folder with one of each fault. */
const faulty = shared(async () => {
  const cwd = lastingDirectory();
  await writeScenes(cwd, {
    ...scenesIn('pets/train/cat', 0, 6),
    ...scenesIn('pets/train/dog', 100, 6),
    ...scenesIn('pets/valid/cat', 200, 2),
    ...scenesIn('pets/valid/dog', 300, 2),
    'pets/valid/dog/same.png': 1,
    'pets/valid/dog/mirrored.jpg': [102, (image) => image.flop().jpeg()],
  });
  writeFileSync(join(cwd, 'pets/train/cat/<b>.png'), 'no image');
  return cwd;
});

describe('torch-tl data check', () => {
  test('prints what it found, in 80 columns, and ends with 0', async () => {
    const cwd = await faulty();
    const { code, stdout, stderr } = await torchTl(['data', 'check', 'pets'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const text = stdout.slice(stdout.indexOf('class  '));
    expect(text).toContain('images that cannot be decoded         1');
    expect(text).toMatch(/groups of exact twins +1 +1 +1\n/);
    expect(text).toMatch(/pairs of near twins +1 +1 +0\n/);
    expect(text).toContain('train/cat/1.png = valid/dog/same.png [valid] (labelled cat and dog)');
    expect(text).toContain('train/dog/2.png ~ valid/dog/mirrored.jpg [valid] (mirrored)');
    expect(text).toContain('Warning: 1 of 6 validation images is an exact twin of training images');
    const tables = text.slice(0, text.indexOf('Cannot be decoded'));
    for (const line of tables.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  });

  test('--json prints one document, and --report writes a page that shows the images and loads nothing', async () => {
    const cwd = await faulty();
    const call = ['data', 'check', '--data', 'pets', '--json', '--report', 'check.html'];
    const { code, stdout } = await torchTl(call, { cwd });
    expect(code).toBe(0);
    const image = (part: string, path: string, label: string) => ({
      part,
      path,
      label,
      index: expect.any(Number),
    });
    expect(JSON.parse(stdout)).toEqual({
      formatVersion: 1,
      name: 'pets',
      source: join(cwd, 'pets'),
      train: 12,
      valid: 6,
      classes: [
        { name: 'cat', train: 6, valid: 2 },
        { name: 'dog', train: 6, valid: 4 },
      ],
      smallClasses: ['cat', 'dog'],
      files: expect.objectContaining({ formats: { png: 17, jpeg: 1 } }),
      undecodable: [{ path: join(cwd, 'pets/train/cat/<b>.png'), reason: expect.any(String) }],
      warnings: expect.arrayContaining([expect.objectContaining({ kind: 'twins-across-parts' })]),
      exactTwins: [
        {
          images: [image('train', 'train/cat/1.png', 'cat'), image('valid', 'valid/dog/same.png', 'dog')],
          acrossParts: true,
          acrossLabels: true,
        },
      ],
      nearTwins: [
        {
          images: [image('train', 'train/dog/2.png', 'dog'), image('valid', 'valid/dog/mirrored.jpg', 'dog')],
          mirrored: true,
          correlation: expect.any(Number),
          cosine: expect.any(Number),
          acrossParts: true,
          acrossLabels: false,
        },
      ],
    });
    const page = readFileSync(join(cwd, 'check.html'), 'utf8');
    expect(page.match(/<img src="data:image\/webp;base64,/g)).toHaveLength(4);
    expect(page).not.toMatch(/(?:src|href)="(?!data:|#)/);
    expect(page).not.toContain('<b>.png');
    // A page may be replaced by the next one.
    expect(await torchTl(call, { cwd })).toMatchObject({ code: 0 });
  });

  test.each([
    ['no data', [], 'No images are given'],
    ['data that is not there', ['gone'], 'gone does not exist'],
    [
      'a page that would replace another file',
      ['pets', '--report', 'notes.txt'],
      'not replaced. Give another file with --report',
    ],
    ['a page in a folder that is not there', ['pets', '--report', 'no/check.html'], 'Cannot write'],
    ['a wrong size', ['pets', '--image-size', '7'], '--image-size must be'],
  ])('refuses %s', async (_, args, message) => {
    const cwd = await faulty();
    writeFileSync(join(cwd, 'notes.txt'), 'mine');
    const { code, stdout, stderr } = await torchTl(['data', 'check', ...args], { cwd });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(readFileSync(join(cwd, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test('train warns of exact twins in both parts, by name and number', async () => {
    const cwd = await faulty();
    const args = ['train', 'pets', '--skip-corrupt', '--epochs', '1', '--image-size', '32', '--out', 'run'];
    const { code, stdout } = await torchTl(args, { cwd });
    expect(code).toBe(0);
    const warning =
      /Warning: 1 of 6 validation images is an exact twin of training images \(.*same\.png of .*1\.png\)/;
    expect(stdout).toMatch(warning);
    const { warnings } = JSON.parse(readFileSync(join(cwd, 'run/results.json'), 'utf8'));
    expect(warnings).toContainEqual(expect.objectContaining({ kind: 'twins-across-parts' }));
    expect(existsSync(join(cwd, 'run/report.html'))).toBe(true);
  });
});
