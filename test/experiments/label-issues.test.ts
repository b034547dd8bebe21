import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { labelIssueReport, labelIssuesCsv, labelIssuesOf } from '../../lib/experiments/label-issues.ts';
import type { RunEvent } from '../../lib/experiments/run-events.ts';
import { runExperiment } from '../../lib/experiments/run-experiment.ts';
import { writeReport } from '../../lib/report/report.ts';
import { BLUE, type Colour, GREEN, RED, writeImages } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** So many images of a colour, in a folder. */
const many = (folder: string, colour: Colour, count: number) =>
  Array.from({ length: count }, (_, index) => [join(folder, `${index}.png`), colour] as const);

/** Ten images each of two classes, and one of the second that is labelled as the first. */
async function mislabelled(names: [string, string], file = 'other.png'): Promise<Dataset> {
  const root = temporaryDirectory();
  const [first, second] = names;
  const wrong = [join(first, file), GREEN] as const;
  await writeImages(root, Object.fromEntries([...many(first, RED, 10), ...many(second, GREEN, 10), wrong]));
  const data = await Dataset.fromFolder(root, { imageSize: 32, imageCache: false });
  onTestFinished(() => data.dispose());
  return data;
}

/** Logits of a model that tells the two classes apart, but for the last image of the second. */
function logitsOf(data: Dataset, scale = 1) {
  const rows = Array.from(data.labels, (label, index) => {
    const isGreen = Number(label) === 1 || data.fileOf(index)?.includes('other');
    const logits = isGreen ? [-2, 3] : [3, -2];
    return index === data.count - 1 ? [0.5, 0] : logits;
  });
  return { shape: [data.count, 2], data: Float32Array.from(rows.flat(), (logit) => logit * scale) };
}

test('an image whose label looks wrong is named with its classes, as a line of CSV', async () => {
  const data = await mislabelled(['red', 'white, green']);
  const issues = labelIssuesOf(data, logitsOf(data));
  expect(issues).toHaveLength(1);
  const { probability, margin, index, ...names } = issues[0] as (typeof issues)[0];
  expect(names).toEqual({ source: 'red/other.png', label: 'red', likelierLabel: 'white, green' });
  expect(data.fileOf(index)).toMatch(/red\/other\.png$/);
  expect(probability).toBeGreaterThan(0.9);
  expect(labelIssuesCsv(issues)).toBe(
    'path,label,likelierLabel,probability,margin\r\n' +
      `red/other.png,red,"white, green",${probability},${margin}\r\n`,
  );
  const { count, shown } = await labelIssueReport(data, issues);
  expect(count).toBe(1);
  expect(shown).toEqual([{ ...names, probability, margin, image: expect.any(String) }]);
  const webp = Buffer.from(shown[0]?.image.split(',')[1] ?? '', 'base64');
  const { data: pixels } = await sharp(webp).raw().toBuffer({ resolveWithObject: true });
  expect(Math.abs((pixels[1] as number) - GREEN[1])).toBeLessThan(8);
});

test('names that a spreadsheet would run are made harmless', async () => {
  const data = await mislabelled(['=a', 'b'], 'other "1".png');
  const [, line] = labelIssuesCsv(labelIssuesOf(data, logitsOf(data))).split('\r\n');
  expect(line).toMatch(/^"\.\/=a\/other ""1""\.png",'=a,b,/);
});

test('a model that is twice as certain doubts the same labels', async () => {
  const data = await mislabelled(['red', 'green']);
  const expected = labelIssuesOf(data, logitsOf(data)).map(({ index }) => index);
  for (const scale of [0.5, 2, 8]) {
    expect(labelIssuesOf(data, logitsOf(data, scale)).map(({ index }) => index)).toEqual(expected);
  }
});

test('without such images there is a heading alone', () => {
  expect(labelIssuesCsv([])).toBe('path,label,likelierLabel,probability,margin\r\n');
});

test('a run finds them among its validation images, and says so once', async () => {
  const root = temporaryDirectory();
  const colours = { blue: BLUE, green: GREEN, red: RED };
  const right = Object.entries(colours).flatMap(([name, colour]) => [
    ...many(join('train', name), colour, 4),
    ...many(join('valid', name), colour, 12),
  ]);
  await writeImages(root, Object.fromEntries([...right, [join('valid', 'red', 'other.png'), BLUE]]));
  const out = join(temporaryDirectory(), 'run');
  const events: RunEvent[] = [];
  const settings = { imageSize: 32, epochs: 20, learningRate: 0.01, earlyStoppingPatience: 'off' } as const;
  const options = { data: root, ...settings, imageCache: false, out };
  await runExperiment('finetune', options, { onEvent: (event) => events.push(event) });
  const file = join(out, 'label-issues.csv');
  const lines = readFileSync(file, 'utf8').split('\r\n');
  expect(lines[1]).toMatch(/^valid\/red\/other\.png,red,blue,/);
  expect(lines).toHaveLength(3);
  expect(events.filter(({ type }) => type === 'label-issues')).toEqual([
    { type: 'label-issues', count: 1, images: 37, file },
  ]);
  const report = join(out, 'report.html');
  await writeReport([out], report);
  const text = readFileSync(report, 'utf8');
  expect(text).toContain('<a href="#labels">');
  expect(text).toContain('labelled <b>red</b>, looks like <b>blue</b>');
  // It goes when the run goes on, and is there again at its end.
  const there: boolean[] = [];
  const onEvent = ({ type }: RunEvent) => type === 'epoch' && there.push(existsSync(file));
  await runExperiment('finetune', { out, epochs: 21 }, { resume: true, onEvent });
  expect(there).toEqual([false]);
  expect(existsSync(file)).toBe(true);
});
