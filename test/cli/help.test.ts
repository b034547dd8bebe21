import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../lib/cli/commands.ts';
import { allCommands, helpOf, parseOnly } from '../support/command-line.ts';
import { loadedBy } from '../support/loaded-modules.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

/** The lines of the examples at the end of a help text, and what they say they do. */
function examplesOf(help: string): Array<{ line: string; what: string }> {
  const [, examples = ''] = help.split('\nExamples:\n');
  return [...examples.matchAll(/^ {2}torch-tl (.+?) {2,}(.+)$/gm)].map(([, line = '', what = '']) => ({
    line,
    what,
  }));
}

/** Without what is the shell's. */
function argumentsOf(line: string): string[] {
  return line.split(' < ')[0]?.split(' ') ?? [];
}

const commands = await allCommands();

describe('torch-tl alone', () => {
  test('says what to do next, and exits 0', async () => {
    const { code, stdout, stderr } = await torchTl([], { cwd: temporaryDirectory() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/torch-tl run finetune .*\n.*torch-tl train --data DIR .*\n.*torch-tl --help /);
    expect(stdout).not.toContain('libtorch install');
  });

  test('begins with what fetches LibTorch where there is none', async () => {
    const empty = temporaryDirectory();
    const env = { TORCH_TL_LIBTORCH: '', LIBTORCH: '', VIRTUAL_ENV: '', PATH: empty, TORCH_TL_CACHE: empty };
    const { code, stdout } = await torchTl([], { cwd: empty, env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/libtorch install .*\n.*run finetune /);
  });

  test('names commands that there are', async () => {
    const { stdout } = await torchTl([], { cwd: temporaryDirectory() });
    const lines = [...stdout.matchAll(/npx torch-tl (.+?) {2}/g)].map(([, line = '']) => line.split(' '));
    expect(lines).toHaveLength(3);
    for (const line of lines.filter(([first]) => first !== '--help')) await parseOnly(line);
  });
});

describe('the examples of --help', () => {
  test.each([...commands.keys()])('%s has one to three of its own, and they parse', async (name) => {
    const examples = examplesOf(helpOf(commands.get(name) as never));
    expect(examples.length).toBeGreaterThanOrEqual(1);
    expect(examples.length).toBeLessThanOrEqual(3);
    for (const { line } of examples) {
      expect(`${line} `).toMatch(new RegExp(`^${name} `));
      await parseOnly(argumentsOf(line));
    }
  });

  test('a flag that is unknown does not parse', async () => {
    await expect(parseOnly(['run', 'finetune', '--epoch', '3'])).rejects.toThrow(/unknown option '--epoch'/);
  });
});

describe('help for a command', () => {
  test.each([
    ['help run', 'run --help'],
    ['help data check', 'data check --help'],
    ['data help check', 'data check --help'],
    ['help', '--help'],
    ['help data', 'data --help'],
  ])('%s is %s', async (words, flag) => {
    const [one, other] = [await ended(words), await ended(flag)];
    expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: ') });
    expect(one).toEqual(other);
  });

  test.each([
    ['help bogus', 'bogus'],
    ['bogus --help', 'bogus'],
    ['help trian', 'trian'],
    ['trian -h', 'trian'],
    ['--verbose help trian', 'trian'],
    ['help data chek', 'data chek'],
    ['data help chek', 'data chek'],
    ['data chek --help', 'data chek'],
  ])('%s is refused as %s is', async (words, plain) => {
    const [one, other] = [await ended(words), await ended(plain)];
    expect(one).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('unknown command') });
    expect(one).toEqual(other);
    if (!words.includes('bogus')) expect(one.stderr).toContain('Did you mean ');
  });

  const ended = (words: string) => torchTl(words.split(' '), { cwd: temporaryDirectory() });
});

describe('torch-tl --help', () => {
  test.each(Object.entries(COMMANDS))('lists %s as it is defined', (name, { usage }) => {
    const command = commands.get(name) as Command;
    expect(command.createHelp().subcommandTerm(command)).toBe(`${name} ${usage}`.trim());
  });

  test('loads no command, and no package but the one that parses', async () => {
    const { files, packages } = await loadedBy(['--help']);
    expect(files).toContain('dist/cli/commands.js');
    for (const name of Object.keys(COMMANDS)) expect(files).not.toContain(`dist/cli/${name}.js`);
    expect(packages).toEqual(['commander']);
  });

  test('of a command loads that one alone', async () => {
    const { files, packages } = await loadedBy(['lr-find', '--help']);
    const commandFiles = Object.keys(COMMANDS).map((name) => `dist/cli/${name}.js`);
    expect(files.filter((file) => commandFiles.includes(file))).toEqual(['dist/cli/lr-find.js']);
    expect(packages).toContain('zod');
  });
});
