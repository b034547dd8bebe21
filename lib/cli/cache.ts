import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { CACHE_KINDS, type Cache, type CacheKind, KIND_TEXTS } from '../caches/cache.ts';
import { clearCaches, unusedFor } from '../caches/clear.ts';
import { listCaches } from '../caches/list.ts';
import { InputError } from '../errors.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { cacheLimit } from '../support/cache-limit.ts';
import { duration, size } from '../support/format.ts';
import { shown, shownJson } from '../support/printable.ts';
import { isInteractive, isYes } from './ask.ts';
import { addExamples } from './examples.ts';
import { print } from './output.ts';
import { table } from './table.ts';

/** One cache in the output of `torch-tl cache list --json` and `torch-tl cache clear --json`. */
export interface CacheReport extends Pick<Cache, 'kind' | 'path' | 'bytes' | 'of'> {
  /** Time of the last use, ISO 8601. */
  used: string;
  inUse: boolean;
}

/** Output of `torch-tl cache list --json`. */
export interface CacheListReport {
  directory: string;
  /** Bytes that kept features may take in all. */
  limit: number;
  caches: CacheReport[];
}

/** Output of `torch-tl cache clear --json`. */
export interface CacheClearReport {
  removed: CacheReport[];
  /** Left, since a running process holds them. */
  inUse: CacheReport[];
}

interface Flags {
  olderThan: number;
  json: boolean;
  yes: boolean;
}

/** Defines `torch-tl cache list|clear`. */
export function define(cache: Command): void {
  const list = withFlags(cache.command('list'))
    .description('list what the cache directory holds: sizes, times of the last use, and what it belongs to')
    .action(({ olderThan, json }: Flags) => listAll(olderThan, json));
  const clear = withFlags(cache.command('clear'))
    .description('remove caches; those that a running process holds are left alone')
    .addArgument(new Argument('[kind...]', 'what to remove, by default everything').choices(CACHE_KINDS))
    .option('--yes', 'remove everything without asking', false)
    .action(clearKinds);
  addExamples(list, {
    'cache list': 'show what takes how much room',
    'cache list --older-than 30d --json': 'print what nobody has used for a month as JSON',
  });
  addExamples(clear, {
    'cache clear features images': 'remove kept features and decoded images',
    'cache clear --older-than 30d --yes': 'remove all that nobody has used for a month',
  });
  addExamples(cache, { 'cache list': 'show what takes how much room' });
}

function withFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--older-than <age>', 'only what was not used for so long, such as 30d, 12h or 2w')
        .argParser(milliseconds)
        .default(0, 'any age'),
    )
    .option('--json', 'print one JSON document', false);
}

const UNITS: Readonly<Record<string, number>> = { h: 3600e3, d: 24 * 3600e3, w: 7 * 24 * 3600e3 };

function milliseconds(age: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([hdw])$/.exec(age) ?? [];
  if (number === undefined) throw new InvalidArgumentError('An age is a number with h, d or w, such as 30d.');
  return Number(number) * (UNITS[unit] as number);
}

async function listAll(olderThan: number, json: boolean): Promise<void> {
  const caches = unusedFor(await listCaches(CACHE_KINDS), olderThan);
  const report: CacheListReport = {
    directory: cacheDirectory(),
    limit: cacheLimit(),
    caches: caches.map(reportOf),
  };
  print(json ? shownJson(report) : describe(report, olderThan));
}

function describe({ directory, limit, caches }: CacheListReport, olderThan: number): string {
  const what = olderThan > 0 ? 'nothing of torch-tl that has been unused for so long' : 'nothing of torch-tl';
  if (caches.length === 0) return `${shown(directory)} holds ${what}.`;
  const rows = caches.map(({ kind, bytes, used, of, inUse, path }) => {
    const age = `${ageText(Date.now() - Date.parse(used))}${inUse ? ', in use' : ''}`;
    return [kind, size(bytes), age, `${of} (${withoutParent(path, directory)})`];
  });
  const totals = CACHE_KINDS.filter((kind) => caches.some((cache) => cache.kind === kind)).map((kind) => {
    const of = caches.filter((cache) => cache.kind === kind);
    const most = kind === 'features' ? ` of at most ${size(limit)}` : '';
    return `${kind}: ${KIND_TEXTS[kind]}, ${size(total(of))}${most}`;
  });
  return [
    `Cache directory: ${shown(directory)}, ${size(total(caches))}`,
    '',
    table(['kind', 'size', 'last used', 'of'], rows, ['left', 'right', 'right', 'left']),
    '',
    ...totals,
  ].join('\n');
}

async function clearKinds(given: CacheKind[], { olderThan, json, yes }: Flags): Promise<void> {
  const kinds = given.length > 0 ? CACHE_KINDS.filter((kind) => given.includes(kind)) : CACHE_KINDS;
  if (given.length === 0 && !yes && !(await isConfirmed(olderThan))) return;
  const { removed, inUse } = await clearCaches(kinds, olderThan);
  if (json) {
    const report: CacheClearReport = { removed: removed.map(gone), inUse: inUse.map(reportOf) };
    print(shownJson(report));
    return;
  }
  for (const { kind, path, bytes } of removed) print(`Removed ${kind} ${shown(path)}, ${size(bytes)}`);
  for (const { kind, path } of inUse) print(`Left ${kind} ${shown(path)}: a running process holds it`);
  print(removed.length === 0 ? 'Removed nothing.' : `Removed ${size(total(removed))} in all.`);
}

/** Asks before everything is removed, LibTorch too. */
async function isConfirmed(olderThan: number): Promise<boolean> {
  const caches = unusedFor(await listCaches(CACHE_KINDS), olderThan);
  if (caches.length === 0) return true;
  const all = `everything in ${shown(cacheDirectory())}${olderThan > 0 ? ' that is older' : ''}`;
  if (isInteractive()) return isYes(`Remove ${all}, ${size(total(caches))}, LibTorch and weights too?`);
  throw new InputError(
    'INVALID_ARGUMENT',
    `torch-tl cache clear would remove ${all}, ${size(total(caches))}. Name what to remove (${CACHE_KINDS.join(', ')}), ` +
      'or confirm it with --yes.',
  );
}

function reportOf(cache: Cache): CacheReport {
  const { kind, path, bytes, of, used } = cache;
  return { kind, path, bytes, of, used: new Date(used).toISOString(), inUse: cache.isInUse() };
}

function gone({ kind, path, bytes, of, used }: Cache): CacheReport {
  return { kind, path, bytes, of, used: new Date(used).toISOString(), inUse: false };
}

function total(caches: ReadonlyArray<{ bytes: number }>): number {
  return caches.reduce((sum, { bytes }) => sum + bytes, 0);
}

function ageText(milliseconds: number): string {
  const days = milliseconds / (24 * 3600e3);
  if (days >= 2) return `${Math.floor(days)} days ago`;
  return `${duration(Math.max(0, milliseconds / 1000))} ago`;
}

function withoutParent(path: string, directory: string): string {
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
}
