import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** `e_machine` by Node's name of the architecture (System V ABI, chapter 4). */
const MACHINES: Record<string, number> = { arm64: 183, x64: 62 };

const HEADER_BYTES = 64;
const ELF_64_BIT = 2;
const LITTLE_ENDIAN = 1;

export interface ElfProblem {
  /** `foreign` where it is meant for another kind of processor. */
  kind: 'damaged' | 'foreign';
  text: string;
}

/**
 * Why a shared library cannot be loaded by this process, or null. Looks at the ELF header only. The
 * system's loader cannot be trusted with it: it kills the process over a file that was cut short and
 * calls one for another processor missing.
 *
 * @throws what the file system throws where `path` cannot be read
 */
export function elfProblem(path: string): ElfProblem | null {
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const length = readSync(file, header, 0, HEADER_BYTES, 0);
    return headerProblem(header.subarray(0, length), fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

function headerProblem(header: Buffer, fileSize: number): ElfProblem | null {
  if (header.toString('latin1', 0, 4) !== '\x7fELF')
    return damaged('it is not a shared library (no ELF header)');
  if (header.length < HEADER_BYTES) return damaged('it is cut short');

  const machine = MACHINES[process.arch];
  const isForThisProcessor =
    header[4] === ELF_64_BIT && header[5] === LITTLE_ENDIAN && header.readUInt16LE(18) === machine;
  if (machine !== undefined && !isForThisProcessor) {
    return {
      kind: 'foreign',
      text: `it is built for another kind of processor than this one (${process.arch})`,
    };
  }
  // The table of sections stands last in the file.
  const sectionsEnd = Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60);
  if (sectionsEnd <= fileSize) return null;
  return damaged(`it is cut short: ${fileSize} of at least ${sectionsEnd} bytes are there`);
}

function damaged(text: string): ElfProblem {
  return { kind: 'damaged', text };
}
