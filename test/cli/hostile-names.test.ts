import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { writeSafetensors } from '../../lib/formats/safetensors.ts';
import { RED, writeImages } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

/*
 * What strangers may call tensors, classes and files, at every command that shows them.
 */

/** Sets the terminal's title, rings, clears the screen, breaks the line, and turns what follows around. */
const EVIL = '\x1b]0;x\x07\x1b[2J\x9b31m\r\n\u202e';
const SHOWN = '\\x1b]0;x\\x07\\x1b[2J\\x9b31m\\r\\n\\u202e';

const CLASSES = [`=cmd${EVIL}`, 'plain'];

/** Line ends are ours. */
function isRaw(text: string): boolean {
  return [...EVIL].some((sign) => sign !== '\n' && !/[ -~]/.test(sign) && text.includes(sign));
}

async function saved(directory: string): Promise<string> {
  const path = join(directory, 'model.safetensors');
  const model = await DenseNet121.create({ classes: CLASSES, imageSize: 32, head: 'linear', weights: null });
  await model.save(path);
  model.dispose();
  return path;
}

describe('hostile names reach no terminal raw', () => {
  test('of tensors and metadata, in weights inspect', async () => {
    const cwd = temporaryDirectory();
    const name = `layer${EVIL}`;
    await writeSafetensors(
      join(cwd, 'x.safetensors'),
      [{ name, dtype: 'uint8', shape: [1], data: new Uint8Array(1) }],
      { [`key${EVIL}`]: EVIL },
    );
    const text = await torchTl(['weights', 'inspect', 'x.safetensors'], { cwd });
    expect(text.code).toBe(0);
    expect(isRaw(text.stdout)).toBe(false);
    expect(text.stdout).toContain(`layer${SHOWN}  uint8  [1]`);
    expect(text.stdout).toContain(`key${SHOWN}: ${SHOWN}\n`);
    const json = await torchTl(['weights', 'inspect', 'x.safetensors', '--json'], { cwd });
    expect(isRaw(json.stdout)).toBe(false);
    const { tensors, metadata } = JSON.parse(json.stdout);
    expect(tensors[0].name).toBe(name);
    expect(metadata).toEqual({ [`key${EVIL}`]: EVIL });
  });

  test('of classes and files, in predict and evaluate', async () => {
    const cwd = temporaryDirectory();
    const model = await saved(cwd);
    const image = `=1${EVIL}.png`;
    await writeImages(cwd, {
      [image]: RED,
      [`data/${CLASSES[0]}/a.png`]: RED,
      [`data/plain/${image}`]: RED,
    });
    const predict = ['predict', '--weights', model, `${cwd}/${image}`];
    const answers = await Promise.all([
      torchTl(predict, { cwd }),
      torchTl(['predict', '--weights', model, image, '--csv'], { cwd }),
      torchTl(['evaluate', '--weights', model, '--data', 'data'], { cwd }),
      torchTl([...predict, '--json'], { cwd }),
    ]);
    for (const { code, stdout, stderr } of answers) {
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(isRaw(stdout)).toBe(false);
    }
    const [text, csv, evaluated, json] = answers.map(({ stdout }) => stdout) as [
      string,
      string,
      string,
      string,
    ];
    expect(text.trimEnd().split('\n')).toHaveLength(1);
    expect(csv.trimEnd().split('\n')).toHaveLength(2);
    expect(csv).toContain(`,'=cmd${SHOWN},`);
    expect(csv).toContain(`\n./=1${SHOWN}.png,`);
    expect(evaluated).toContain(`=cmd${SHOWN}`);
    const [answer] = JSON.parse(json);
    expect(answer.path).toBe(`${cwd}/${image}`);
    expect(Object.keys(answer.probabilities)).toHaveLength(2);
  });

  test('of files and arguments, in errors', async () => {
    const cwd = temporaryDirectory();
    const directory = `dir${EVIL}`;
    mkdirSync(join(cwd, directory));
    for (const name of ['model.safetensors', 'image.png', 'config.json', 'list.csv']) {
      writeFileSync(join(cwd, directory, name), 'broken');
    }
    const { path } = { path: await saved(cwd) };
    for (const args of [
      ['weights', 'inspect', `${directory}/model.safetensors`],
      ['predict', '--weights', path, `${directory}/image.png`],
      ['predict', '--weights', path, `${directory}/none.png`],
      ['predict', '--weights', `none${EVIL}`, 'x.png'],
      ['evaluate', '--weights', path, '--data', `${directory}/list.csv`],
      ['report', directory],
      ['export', '--weights', path, '--out', `none/${EVIL}.pth`],
      ['train', '--data', directory],
      ['train', '--data', 'sample', '--recipe', EVIL],
      [`predict${EVIL}`],
      ['predict', `--none${EVIL}`],
    ]) {
      const { code, stdout, stderr } = await torchTl(args, { cwd });
      expect(code, args.join(' ')).not.toBe(0);
      expect(isRaw(stdout + stderr), `${args.join(' ')}: ${JSON.stringify(stderr)}`).toBe(false);
    }
  });
});
