import { normalName } from './names.ts';

/*
 * Names of folders and files that are made from other names.
 */

/** Names that Windows keeps for devices, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
/** What no file system, or Windows' alone, has in a name. */
const FORBIDDEN = /[\p{Cc}\p{Cs}/\\:*?"<>|]/gu;
/** Longest name in bytes that common file systems have. */
const LONGEST = 255;

/**
 * Names of folders for classes, one for each, alike if case is ignored for none. A class keeps its name where that is a
 * name of a visible folder on Linux, macOS and Windows; other names are changed.
 *
 * @param taken names of other folders beside them
 */
export function folderNames(classes: readonly string[], taken: readonly string[] = []): string[] {
  const used = new Set(taken.map(folded));
  const names = new Map<number, string>();
  // Classes that may keep their names come first, so that none of the others takes one of these.
  const places = [...classes.keys()];
  const kept = places.filter((place) => safeName(classes[place] as string) === classes[place]);
  for (const place of [...kept, ...places.filter((place) => !kept.includes(place))]) {
    const wanted = safeName(classes[place] as string);
    const name = firstUnused(wanted, (candidate) => used.has(folded(candidate)));
    used.add(folded(name));
    names.set(place, name);
  }
  return places.map((place) => names.get(place) as string);
}

/** The first of `rose.jpg`, `rose-2.jpg`, `rose-3.jpg` and so on that is not used. */
export function firstUnused(name: string, isUsed: (candidate: string) => boolean): string {
  for (let number = 1; ; number++) {
    const candidate = numbered(name, number);
    if (!isUsed(candidate)) return candidate;
  }
}

/** The name of a file's copy of this number, at most as long as a name may be. */
export function numbered(name: string, number: number): string {
  if (number === 1) return name;
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  const end = `-${number}${extension}`;
  return shortened(stem, LONGEST - Buffer.byteLength(end)) + end;
}

/** A name as file systems that ignore case compare it. */
export function folded(name: string): string {
  return normalName(name).toLowerCase();
}

function safeName(name: string): string {
  const plain = normalName(name)
    .replace(FORBIDDEN, '_')
    .replace(/[. ]+$/, '')
    .trimStart();
  const visible = plain === '' || plain.startsWith('.') ? `_${plain}` : plain;
  return shortened(DEVICE.test(visible) ? `_${visible}` : visible, LONGEST);
}

/** The characters of a text that fit into so many bytes. */
function shortened(text: string, bytes: number): string {
  let [kept, size] = ['', 0];
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    kept += character;
  }
  return kept;
}
