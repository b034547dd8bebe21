import { invalidArgument } from '../errors.ts';

/** Bytes of features that are kept unless `TORCH_TL_CACHE_LIMIT` says otherwise. */
const DEFAULT_LIMIT = 10e9;

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/**
 * Bytes that all kept features together may take: `TORCH_TL_CACHE_LIMIT`, such as `500MB`, or 10 GB. With 0 features are
 * neither kept nor looked for.
 *
 * @throws InputError `INVALID_ARGUMENT` if the variable is not a size
 */
export function cacheLimit(): number {
  const { TORCH_TL_CACHE_LIMIT: text } = process.env;
  if (!text) return DEFAULT_LIMIT;
  const [, number, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const bytes = Math.floor(Number(number) * (factor ?? Number.NaN));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw invalidArgument('TORCH_TL_CACHE_LIMIT', 'a size such as 10GB, 500MB or a number of bytes', text);
}
