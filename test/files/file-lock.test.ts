import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type FileLock, lockFile } from '../../lib/files/file-lock.ts';
import { program } from '../cli/torch-tl.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MODULE = JSON.stringify(new URL('../../dist/files/file-lock.js', import.meta.url).href);

describe('lockFile', () => {
  test('refuses a file that is locked in this process, until it is released', () => {
    const path = join(temporaryDirectory(), 'lock');
    const lock = lockFile(path);
    expect(lock).not.toBeNull();
    expect(lockFile(path)).toBeNull();
    lock?.release();
    lock?.release();
    const again = locked(path);
    expect(lockFile(path)).toBeNull();
    again.release();
  });

  test('refuses another process, until the lock is released', async () => {
    const cwd = temporaryDirectory();
    const text = `import { lockFile } from ${MODULE}; console.log(lockFile('lock') !== null);`;
    const lock = locked(join(cwd, 'lock'));
    expect(await program(text, { cwd })).toEqual({ code: 0, stdout: 'false\n', stderr: '' });
    lock.release();
    expect(await program(text, { cwd })).toEqual({ code: 0, stdout: 'true\n', stderr: '' });
  });

  test('frees the lock of a process that is killed', async () => {
    const cwd = temporaryDirectory();
    const path = join(cwd, 'lock');
    const text = `import { lockFile } from ${MODULE};
      globalThis.lock = lockFile('lock');
      console.log('locked');
      setInterval(() => {}, 1000);`;
    let whileItLived: FileLock | null | undefined;
    await program(text, {
      cwd,
      onOutput: (_, kill) => {
        whileItLived = lockFile(path);
        kill('SIGKILL');
      },
    });
    expect(whileItLived).toBeNull();
    locked(path).release();
  });

  test('refuses a Worker of the same process, and frees the lock of one that ends', async () => {
    const path = join(temporaryDirectory(), 'lock');
    const lock = locked(path);
    expect(await lockInWorker(path)).toBe(false);
    lock.release();
    expect(await lockInWorker(path)).toBe(true);
    locked(path).release();
  });

  test('is not inherited by child processes', () => {
    const path = join(temporaryDirectory(), 'lock');
    const lock = locked(path);
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    onTestFinished(() => void child.kill());
    lock.release();
    locked(path).release();
  });

  test('frees a lock that nothing refers to any more', async () => {
    const path = join(temporaryDirectory(), 'lock');
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    locked(path);
    let again: FileLock | null = null;
    while (again === null) {
      collectGarbage();
      await setTimeout(1);
      again = lockFile(path);
    }
    again.release();
  });

  test('locks the file that has the name now', () => {
    const path = join(temporaryDirectory(), 'lock');
    const before = locked(path);
    rmSync(path);
    const lock = locked(path);
    expect(lockFile(path)).toBeNull();
    lock.release();
    before.release();
  });

  test('names a directory that is not there', () => {
    const path = join(temporaryDirectory(), 'none', 'lock');
    expect(() => lockFile(path)).toThrowError(
      expect.objectContaining({ code: 'WRITE_FAILED', message: expect.stringContaining(path) }),
    );
  });
});

function locked(path: string): FileLock {
  const lock = lockFile(path);
  if (lock === null) throw new Error(`${path} is locked already`);
  return lock;
}

/** Whether a Worker gets the lock, once it has ended. */
async function lockInWorker(path: string): Promise<boolean> {
  const text = `import(${MODULE}).then(({ lockFile }) => {
    globalThis.lock = lockFile(${JSON.stringify(path)});
    require('node:worker_threads').parentPort.postMessage(globalThis.lock !== null);
  });`;
  const worker = new Worker(text, { eval: true, execArgv: [] });
  const answer = new Promise<boolean>((resolve, reject) => worker.on('message', resolve).on('error', reject));
  const end = new Promise((resolve) => worker.on('exit', resolve));
  const gotIt = await answer;
  await end;
  return gotIt;
}
