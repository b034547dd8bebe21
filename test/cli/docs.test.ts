import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';
import { parseOnly } from '../support/command-line.ts';
import { type Block, blocksOf, commandsOf, documents, linesOf } from '../support/documents.ts';
import { BLUE, GREEN, RED, writeImages } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Ended, processOf, program, torchTl } from './torch-tl.ts';

/*
 * What README.md and docs/ tell people to type works: each page's commands and programs run one after another in a
 * folder of their own, over small images; of those that cannot run here the flags are checked.
 */

const NETWORK = 'fetches something';
const PACKAGES = 'installs packages';
const SERVICE = 'runs until it is stopped: http-service.test.ts runs it';
const GPU = 'needs a GPU';
const WHOLE = 'builds and tests a checkout, as this very test run does';

/** What is not run, and why. */
const NOT_RUN: Record<string, string> = {
  'npm ci && npx torch-tl run finetune': WHOLE,
  'npm ci && npm test': WHOLE,
  'npm install torch-tl': PACKAGES,
  'npm install onnxruntime-node sharp protobufjs': PACKAGES,
  'npx torch-tl libtorch install': NETWORK,
  'npx torch-tl libtorch install --cpu': NETWORK,
  'npx torch-tl libtorch install --cuda': NETWORK,
  'npx torch-tl libtorch install --version 2.13': NETWORK,
  'npx torch-tl build': 'takes minutes: build.test.ts runs it over small sources',
  'npx torch-tl weights download imagenet': NETWORK,
  'npx torch-tl train flowers --weights imagenet --out runs/imagenet': 'needs what that fetches',
  'npx torch-tl data download cifar10': NETWORK,
  'npx torch-tl run finetune --device cuda': GPU,
  'npx torch-tl run finetune --device cuda:1': GPU,
  'node node_modules/torch-tl/examples/http-service.js runs/flowers/best.safetensors': SERVICE,
  'node node_modules/torch-tl/examples/http-service-onnx.js flowers.onnx': SERVICE,
  'curl --data-binary @rose.jpg http://127.0.0.1:8080/': SERVICE,
};

/** Pages whose commands belong to people who work on torch-tl, and publish it. */
const NOT_FOR_USERS = ['CONTRIBUTING.md', 'docs/releasing.md'];

/** What a page takes for granted. */
const BEFORE: Record<string, string> = {
  'docs/deploying.md': 'npx torch-tl train --data flowers --out runs/flowers',
};

/** What keeps a command short: of flags that are given twice the last one counts. */
const SHORTER: Array<[RegExp, string]> = [
  [/torch-tl run (?!--config)/, '--limit-train 20 --limit-valid 10 --image-size 32 --epochs 1'],
  [/torch-tl run --config/, '--epochs 1'],
  [/torch-tl train (flowers|--data).* --recipe fine-tune/, '--image-size 32 --epochs 2'],
  [/torch-tl train (flowers|--data)/, '--image-size 32 --epochs 1'],
  [/torch-tl lr-find/, '--limit-train 20 --image-size 32 --steps 3'],
  [/torch-tl export .*\.onnx/, '--no-check'],
];

const pages = [...documents()].filter(([path]) => !NOT_FOR_USERS.includes(path));

describe('the commands of', () => {
  test.each(pages.filter(([, page]) => runnable(page).length > 0))(
    '%s run',
    async (path, page) => {
      const cwd = await workplace();
      const before = BEFORE[path];
      if (before) await run({ language: 'sh', text: before }, cwd);
      for (const block of runnable(page)) await run(block, cwd);
    },
    300_000,
  );

  test('what is not run is there, and its flags are known', async () => {
    const all = pages.flatMap(([, page]) => commandsOf(page));
    for (const command of Object.keys(NOT_RUN)) {
      expect(all).toContain(command);
      const [, args] = /npx torch-tl (.+)$/.exec(command) ?? [];
      if (args !== undefined) await parseOnly(args.split(' '));
    }
  });
});

/** The commands of a page that run here, in their order, and a guide's programs. */
function runnable(page: string): Block[] {
  const isGuide = commandsOf(page).includes('npm install torch-tl');
  return blocksOf(page).flatMap((block) => {
    const { language } = block;
    if (language === 'js' && isGuide) return [block];
    if (language !== 'sh') return [];
    const lines = linesOf(block).filter((line) => !Object.hasOwn(NOT_RUN, line));
    return lines.map((text) => ({ language, text }));
  });
}

/** A user's folder: images of three kinds of flowers, and more of them. */
async function workplace(): Promise<string> {
  const cwd = temporaryDirectory();
  const kinds = { daisy: RED, rose: GREEN, tulip: BLUE };
  const images = Object.entries(kinds).flatMap(([kind, colour]) => [
    ...Array.from({ length: 5 }, (_, index) => [`flowers/${kind}/${index}.jpg`, colour]),
    [`more-flowers/${kind}/0.jpg`, colour],
    [`holiday/${kind}.jpg`, colour],
  ]);
  await writeImages(cwd, { ...Object.fromEntries(images), 'rose.jpg': GREEN });
  return cwd;
}

/** Whatever is printed, it must end well. */
async function run(block: Block, cwd: string): Promise<void> {
  const { code, stderr } = await called(block, cwd);
  expect({ code, stderr }, block.text).toEqual({ code: 0, stderr: expect.any(String) });
}

/** Runs a program, or a line: in a shell if it needs one. */
function called({ language, text }: Block, cwd: string): Promise<Ended> {
  if (language === 'js') return program(text, { cwd });
  const line = shortened(text);
  const [, words] = /^npx torch-tl ([\w ./:,=@-]+)$/.exec(line) ?? [];
  return words === undefined ? shell(line, cwd) : torchTl(words.split(' '), { cwd });
}

function shortened(line: string): string {
  const [, flags] = SHORTER.find(([pattern]) => pattern.test(line)) ?? [];
  if (flags === undefined) return line;
  const [command = '', ...redirections] = line.split(' > ');
  return [`${command} ${flags}`, ...redirections].join(' > ');
}

/** Runs a line in a shell in which `npx torch-tl` is this checkout's. */
function shell(line: string, cwd: string): Promise<Ended> {
  const main = join(packageRoot, 'bin', 'torch-tl.js');
  const npx = `npx() { shift; '${process.execPath}' '${main}' "$@"; }`;
  return processOf('sh', ['-c', `${npx}; ${line}`], { cwd });
}
