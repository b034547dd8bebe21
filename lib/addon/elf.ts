import { readSync } from 'node:fs';
import { withRegularFileSync } from '../support/regular-file.ts';

/** `e_machine` by Node.js' name of the architecture (System V ABI, chapter 4). */
const MACHINES: Record<string, number> = { arm64: 183, x64: 62 };

const HEADER_BYTES = 64;
const ELF_64_BIT = 2;
const LITTLE_ENDIAN = 1;

export interface ElfProblem {
  /** `foreign` if the library is built for another processor architecture. */
  kind: 'damaged' | 'foreign';
  text: string;
}

/**
 * Why this process cannot load a shared library, or null. Reads the ELF header only. The system's loader kills the
 * process on a truncated file, and reports a library for another processor as missing.
 *
 * @throws system errors if `path` cannot be read
 */
export function elfProblem(path: string): ElfProblem | null {
  return withRegularFileSync(path, (file, size) => {
    const header = Buffer.alloc(HEADER_BYTES);
    const length = readSync(file, header, 0, HEADER_BYTES, 0);
    return headerProblem(header.subarray(0, length), size);
  });
}

function headerProblem(header: Buffer, fileSize: number): ElfProblem | null {
  if (header.toString('latin1', 0, 4) !== '\x7fELF')
    return damaged('it is not a shared library (no ELF header)');
  if (header.length < HEADER_BYTES) return damaged('it is truncated');

  const machine = MACHINES[process.arch];
  const isForThisProcessor =
    header[4] === ELF_64_BIT && header[5] === LITTLE_ENDIAN && header.readUInt16LE(18) === machine;
  if (machine !== undefined && !isForThisProcessor) {
    return {
      kind: 'foreign',
      text: `it is built for another processor architecture than ${process.arch}`,
    };
  }
  // The section header table is the last thing in the file.
  const sectionsEnd = Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60);
  if (sectionsEnd <= fileSize) return null;
  return damaged(`it is truncated: it has ${fileSize} of at least ${sectionsEnd} bytes`);
}

/** `SHT_GNU_verneed`: type of the section that lists required library versions. */
const VERSION_NEEDS = 0x6ffffffe;

/**
 * The glibc version that a library requires, such as `2.34`, or null if it names none.
 *
 * @param path of a library for which `elfProblem` returns null
 */
export function neededGlibc(path: string): string | null {
  return withRegularFileSync(path, (file) => {
    const header = readPart(file, 0, HEADER_BYTES);
    const [entryBytes, entries] = [header.readUInt16LE(58), header.readUInt16LE(60)];
    const table = readPart(file, Number(header.readBigUInt64LE(40)), entryBytes * entries);
    const sections = Array.from({ length: entries }, (_, i) =>
      table.subarray(i * entryBytes, (i + 1) * entryBytes),
    );
    const needs = sections.find((section) => section.readUInt32LE(4) === VERSION_NEEDS);
    const names = needs && sections[needs.readUInt32LE(40)];
    if (!names) return null;
    return newestGlibc(versionNames(readSection(file, needs), readSection(file, names)));
  });
}

/** The version names in a list of `Elf64_Verneed`, each of which has a list of `Elf64_Vernaux`. */
function versionNames(needs: Buffer, names: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0, step = 1; step !== 0; at += step) {
    for (let aux = at + needs.readUInt32LE(at + 8), auxStep = 1; auxStep !== 0; aux += auxStep) {
      const begin = needs.readUInt32LE(aux + 8);
      found.push(names.toString('latin1', begin, names.indexOf(0, begin)));
      auxStep = needs.readUInt32LE(aux + 12);
    }
    step = needs.readUInt32LE(at + 12);
  }
  return found;
}

function newestGlibc(names: string[]): string | null {
  const versions = names.flatMap((name) => name.match(/^GLIBC_(\d[\d.]*)$/)?.[1] ?? []);
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? null;
}

/** Contents of the section with the header `section`, an `Elf64_Shdr`. */
function readSection(file: number, section: Buffer): Buffer {
  return readPart(file, Number(section.readBigUInt64LE(24)), Number(section.readBigUInt64LE(32)));
}

function readPart(file: number, position: number, length: number): Buffer {
  const part = Buffer.alloc(length);
  readSync(file, part, 0, length, position);
  return part;
}

function damaged(text: string): ElfProblem {
  return { kind: 'damaged', text };
}
