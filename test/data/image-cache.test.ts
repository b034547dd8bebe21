import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Dataset, type FolderOptions } from '../../lib/data/dataset.ts';
import type { DecodeReport } from '../../lib/data/image-files.ts';
import { lockFile } from '../../lib/files/file-lock.ts';
import { program } from '../cli/torch-tl.ts';
import { BLUE, type Colour, GREEN, near, RED, writeImages } from '../support/images.ts';
import { smallModel } from '../support/small-data.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

let cache: string;

beforeEach(() => {
  cache = join(temporaryDirectory(), 'cache');
  vi.stubEnv('TORCH_TL_IMAGE_CACHE', cache);
  return () => vi.unstubAllEnvs();
});

/** A folder of two classes, of three red and two green images. */
async function folder(): Promise<string> {
  const directory = temporaryDirectory();
  const names = ['a/1.png', 'a/2.png', 'a/3.png', 'b/1.png', 'b/2.png'];
  await writeImages(
    directory,
    Object.fromEntries(names.map((name) => [name, name[0] === 'a' ? RED : GREEN])),
  );
  return directory;
}

/** A folder's images and what decoding them came to. */
async function read(directory: string, options: Partial<FolderOptions> = {}) {
  let report: DecodeReport | undefined;
  const onDecoded = (decoded: DecodeReport) => {
    report = decoded;
  };
  const data = await Dataset.fromFolder(directory, { imageSize: 32, onDecoded, ...options });
  onTestFinished(() => data.dispose());
  return { data, report: report as DecodeReport };
}

async function colourAt(data: Dataset, index: number): Promise<number[]> {
  return [...(await data.pixelsAt(index)).subarray(0, 3)];
}

/** The one cache that there is. */
function cached(): { pixels: string; index: string } {
  const [name] = readdirSync(cache);
  return { pixels: join(cache, String(name), 'pixels'), index: join(cache, String(name), 'index.jsonl') };
}

describe('decoded images', () => {
  test('are not taken from another file that has come to their place', async () => {
    const directory = await folder();
    const { data } = await read(directory);
    rmSync(cache, { recursive: true });
    await writeImages(directory, { 'a/0.png': BLUE });
    await read(directory);
    const refused = {
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('was replaced in the meantime'),
    };
    await expect(data.pixelsAt(0)).rejects.toMatchObject(refused);
    await expect(data.pixelsSha256()).rejects.toMatchObject(refused);
    const model = await smallModel({ classes: data.classes });
    await expect(model.features(data)).rejects.toMatchObject(refused);
  });

  test('are kept in the cache directory and found there the next time', async () => {
    const directory = await folder();
    const first = await read(directory);
    expect(first.report).toEqual({ decoded: 5, found: 0, file: cached().pixels, uncached: null });
    const second = await read(directory);
    expect(second.report).toMatchObject({ decoded: 0, found: 5 });
    expect(await second.data.pixelsSha256()).toBe(await first.data.pixelsSha256());
    expect(statSync(cached().pixels).size).toBe(5 * 32 * 32 * 3);
  });

  test('are those that are decoded into memory, where none are kept', async () => {
    const directory = await folder();
    const inMemory = await read(directory, { imageCache: false });
    expect(inMemory.report).toEqual({ decoded: 5, found: 0, file: null, uncached: null });
    expect(() => readdirSync(cache)).toThrow('ENOENT');
    const { data } = await read(directory);
    expect(await data.pixelsSha256()).toBe(await inMemory.data.pixelsSha256());
    expect([...data.labels]).toEqual([...inMemory.data.labels]);
  });

  test('are kept where the caller says', async () => {
    const imageCache = join(temporaryDirectory(), 'of my own');
    const directory = await folder();
    expect((await read(directory, { imageCache })).report.file).toContain(imageCache);
    expect((await read(directory, { imageCache })).report.found).toBe(5);
    expect(() => readdirSync(cache)).toThrow('ENOENT');
  });

  test.each([
    ['another size', { imageSize: 40 }],
    ['another way to make them square', { resize: 'contain' }],
  ] as const)('are not taken for %s', async (_, options) => {
    const directory = await folder();
    await read(directory);
    expect((await read(directory, options)).report).toMatchObject({ decoded: 5, found: 0 });
    expect(readdirSync(cache)).toHaveLength(2);
  });

  test('are decoded anew where a file has changed, and only those', async () => {
    const directory = await folder();
    await read(directory);
    await writeImages(directory, { 'a/2.png': BLUE, 'b/0.png': BLUE });
    const { data, report } = await read(directory);
    expect(report).toMatchObject({ decoded: 2, found: 4 });
    const colours = await Promise.all([...Array(6).keys()].map((index) => colourAt(data, index)));
    expect(colours).toEqual([RED, BLUE, RED, BLUE, GREEN, GREEN].map((colour) => near(colour)));
  });

  test('are decoded anew where only the time of a file has changed', async () => {
    const directory = await folder();
    await read(directory);
    utimesSync(join(directory, 'a/1.png'), new Date(), new Date(2000, 1, 1));
    expect((await read(directory)).report).toMatchObject({ decoded: 1, found: 4 });
  });

  test('are decoded anew where two files of one size and time change places, as archives may leave them', async () => {
    const directory = temporaryDirectory();
    await writeImages(directory, { 'a/1.png': RED, 'b/1.png': GREEN });
    const [one, other] = ['a', 'b'].map((name) => join(directory, name, '1.png')) as [string, string];
    for (const file of [one, other]) {
      truncateSync(file, 200);
      utimesSync(file, new Date(2020, 1, 1), new Date(2020, 1, 1));
    }
    await read(directory);
    renameSync(one, `${one}.moved`);
    renameSync(other, one);
    renameSync(`${one}.moved`, other);
    const { data, report } = await read(directory);
    expect(report).toMatchObject({ decoded: 2, found: 0 });
    expect(await Promise.all([colourAt(data, 0), colourAt(data, 1)])).toEqual([near(GREEN), near(RED)]);
  });

  test('serve a part of the folder, and the whole folder adds to them', async () => {
    const directory = await folder();
    expect((await read(directory, { limit: 2 })).report).toMatchObject({ decoded: 2, found: 0 });
    expect((await read(directory)).report).toMatchObject({ decoded: 3, found: 2 });
    const { data, report } = await read(directory, { limit: 2 });
    expect(report).toMatchObject({ decoded: 0, found: 2 });
    expect(await colourAt(data, 1)).toEqual(near(GREEN));
  });

  test('are kept, whatever happens to the others', async () => {
    const directory = await folder();
    writeFileSync(join(directory, 'a/2.png'), 'no image');
    await expect(read(directory)).rejects.toMatchObject({ code: 'DATA_INVALID' });
    const { data, report } = await read(directory, { skipCorrupt: true });
    expect(report).toMatchObject({ decoded: 1, found: 4 });
    expect(data.skipped.map(({ path }) => basename(path))).toEqual(['2.png']);
    expect([data.count, data.fileOf(1)]).toEqual([4, join(directory, 'a/3.png')]);
  });

  test('are split without being copied', async () => {
    const { data } = await read(await folder());
    const [first, rest] = data.split(0.6);
    const files = [first, rest].flatMap((part) =>
      [...Array(part.count).keys()].map((index) => part.fileOf(index)),
    );
    expect(files.sort()).toEqual([...Array(5).keys()].map((index) => data.fileOf(index)));
    expect(await colourAt(rest, rest.count - 1)).toEqual(near(GREEN));
  });
});

describe('a cache', () => {
  test.each([
    ['half an image more', () => appendFileSync(cached().pixels, Buffer.alloc(1000)), 5],
    ['a line without its image', () => truncateSync(cached().pixels, 4 * 32 * 32 * 3 + 7), 4],
    ['half a line', () => truncateSync(cached().index, statSync(cached().index).size - 5), 4],
    ['a last line cut off, its end too', () => appendFileSync(cached().index, '["/tmp/x'), 5],
    ['nothing in its index', () => truncateSync(cached().index, 0), 0],
    ['another decoder', () => replaceInIndex('sharp', 'blunt'), 0],
  ])('that a process left with %s is used as far as it is whole', async (_, damage, whole) => {
    const directory = await folder();
    const before = await read(directory);
    const sha256 = await before.data.pixelsSha256();
    damage();
    const { data, report } = await read(directory);
    expect(report).toMatchObject({ decoded: 5 - whole, found: whole });
    expect(await data.pixelsSha256()).toBe(sha256);
    expect((await read(directory)).report).toMatchObject({ found: 5 });
  });

  test('is filled by one process at a time, and the other finds all', async () => {
    const directory = await folder();
    const reports = (await Promise.all([read(directory), read(directory)])).map(({ report }) => report);
    expect(reports.map(({ decoded }) => decoded).sort()).toEqual([0, 5]);
  });

  test('that a killed process was filling is gone on with', async () => {
    const directory = temporaryDirectory();
    const colours: Colour[] = [RED, GREEN];
    for (let index = 0; index < 40; index++) {
      await writeImages(directory, { [`c${index % 2}/${index}.png`]: colours[index % 2] as Colour });
    }
    // Images of 9 MB each: some 7 make up what is written at once.
    const text = `
      import { Dataset } from 'torch-tl';
      await Dataset.fromFolder(${JSON.stringify(directory)}, {
        imageSize: 1800, onProgress: (done) => { if (done === 20) process.kill(process.pid, 'SIGKILL'); },
      });`;
    await program(text, { cwd: temporaryDirectory() });
    const { report } = await read(directory, { imageSize: 1800 });
    expect(report.found).toBeGreaterThanOrEqual(7);
    expect(report.found).toBeLessThan(20);
    expect(report.decoded).toBe(40 - report.found);
  });

  test('whose index cannot be read now is done without, told of, and whole when it can be read again', async () => {
    const directory = await folder();
    await read(directory);
    const { index, pixels } = cached();
    const before = readFileSync(pixels);
    renameSync(index, `${index}.aside`);
    symlinkSync(index, index); // ELOOP
    const { report } = await read(directory);
    expect(report).toMatchObject({ decoded: 5, found: 0, file: null });
    expect(report.uncached).toContain(index);
    expect(readFileSync(pixels).equals(before)).toBe(true);
    renameSync(`${index}.aside`, index);
    expect((await read(directory)).report).toMatchObject({ decoded: 0, found: 5 });
  });

  test('that cannot be written is done without, and the reason told', async () => {
    writeFileSync(cache, 'a file where the directory should be');
    const { data, report } = await read(await folder());
    expect(report).toMatchObject({ decoded: 5, found: 0, file: null });
    expect(report.uncached).toContain(cache);
    expect(await colourAt(data, 4)).toEqual(near(GREEN));
  });

  test.runIf(canMount)('on a full disk is done without', async () => {
    vi.stubEnv('TORCH_TL_IMAGE_CACHE', smallDisk());
    const { data, report } = await read(await folder(), { imageSize: 256 });
    expect(report.uncached).toContain('no space is left on the disk');
    expect(data.count).toBe(5);
  });
});

describe('when another cache is begun', () => {
  const old = new Date(Date.now() - 31 * 24 * 3600 * 1000);

  /** A cache that nobody has opened for a month; its directory. */
  async function oldCache(): Promise<string> {
    const { report } = await read(await folder());
    const directory = dirname(report.file as string);
    utimesSync(join(directory, 'index.jsonl'), old, old);
    return directory;
  }

  /** A directory with an old file that is called as a cache's index is. */
  function lookAlike(name: string, index: string): string {
    const directory = join(cache, name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'index.jsonl'), index);
    writeFileSync(join(directory, 'pixels'), 'precious');
    utimesSync(join(directory, 'index.jsonl'), old, old);
    return directory;
  }

  /** In torch-tl's own directory. */
  function useOwnDirectory(): void {
    vi.stubEnv('TORCH_TL_IMAGE_CACHE', '');
    vi.stubEnv('TORCH_TL_CACHE', dirname(cache));
    cache = join(dirname(cache), 'images');
  }

  test('one that nobody has opened for a month goes', async () => {
    useOwnDirectory();
    await oldCache();
    const second = await read(await folder());
    expect(readdirSync(cache)).toEqual([basename(dirname(second.report.file as string))]);
  });

  test.each([
    ['by TORCH_TL_IMAGE_CACHE', {}],
    ['by the option', { imageCache: true }],
  ])(
    'in a directory that the user named %s nothing goes',
    async (_, { imageCache }: { imageCache?: boolean }) => {
      const directory = await oldCache();
      if (imageCache) vi.stubEnv('TORCH_TL_IMAGE_CACHE', '');
      await read(await folder(), imageCache ? { imageCache: cache } : {});
      expect(readdirSync(directory).sort()).toEqual(['index.jsonl', 'lock', 'pixels']);
    },
  );

  test('nothing goes that is called, begins or lies as a cache does, and is none', async () => {
    useOwnDirectory();
    const real = await oldCache();
    const text = readFileSync(join(real, 'index.jsonl'), 'utf8');
    const outside = join(temporaryDirectory(), basename(real).replace(/^[^-]*/, 'outside'));
    renameSync(real, outside);
    const header = JSON.parse(text.split('\n')[0] as string);
    const alike = [
      lookAlike('photos', '{"id":1}\n'),
      lookAlike('photos-32-cover-0123456789ab', 'mine'),
      lookAlike('photos-32-cover-aaaaaaaaaaaa', text),
      lookAlike(basename(real), `${JSON.stringify({ ...header, decoder: 'mine' })}\n`),
      lookAlike('empty-32-cover-0123456789ab', ''),
      lookAlike('null-32-cover-0123456789ab', 'null\n'),
    ];
    const link = join(cache, basename(real).replace(/.$/, 'x'));
    symlinkSync(outside, link);
    await read(await folder());
    for (const directory of [...alike, outside]) {
      expect(readdirSync(directory)).toEqual(expect.arrayContaining(['index.jsonl', 'pixels']));
    }
    expect(existsSync(link)).toBe(true);
  });

  test('one that is at work stays, and of one with files of others those', async () => {
    useOwnDirectory();
    const used = await oldCache();
    const lock = lockFile(join(used, 'lock'));
    const shared = await oldCache();
    writeFileSync(join(shared, 'notes.txt'), 'mine');
    await read(await folder());
    lock?.release();
    expect(readdirSync(used).sort()).toEqual(['index.jsonl', 'lock', 'pixels']);
    expect(readdirSync(shared)).toEqual(['notes.txt']);
  });
});

describe('a training', () => {
  test('from the cache comes to the bits of one from memory', async () => {
    const directory = await folder();
    const losses = await Promise.all(
      [true, false].map(async (imageCache) => {
        const { data } = await read(directory, { imageCache });
        const model = await smallModel({ classes: ['a', 'b'] });
        const { epochs } = await model.fit(data, {
          valid: data,
          epochs: 2,
          batchSize: 2,
          augmentation: 'light',
        }).result;
        return epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]);
      }),
    );
    expect(losses[0]).toEqual(losses[1]);
  });

  test('names the images that were removed meanwhile', async () => {
    const { data } = await read(await folder());
    truncateSync(cached().pixels, 32 * 32 * 3);
    const model = await smallModel({ classes: ['a', 'b'] });
    await expect(model.evaluate(data)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining(cached().pixels),
    });
  });

  test('needs no memory for the images that it does not look at', async () => {
    const directory = await folder();
    const before = process.memoryUsage().arrayBuffers;
    // 5 images of 12 MB.
    const { data } = await read(directory, { imageSize: 2000 });
    expect(data.count).toBe(5);
    const { data: again } = await read(directory, { imageSize: 2000 });
    expect(await again.pixelsSha256()).toBe(await data.pixelsSha256());
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * 12e6 * 5);
  });
});

function replaceInIndex(from: string, to: string): void {
  const { index } = cached();
  writeFileSync(index, readFileSync(index, 'utf8').replace(from, to));
}
