import { zipArchive } from '../../lib/formats/pth/zip-writer.ts';

/** A zip archive of files that are stored as they are. */
export function zipOf(files: Record<string, string | Uint8Array>): Buffer {
  const entries = Object.entries(files).map(([name, content]) => [name, Buffer.from(content)] as const);
  return Buffer.concat(zipArchive(entries));
}

/** The same archive with its file of this name as a symbolic link to what the file holds. */
export function asLink(archive: Buffer, name: string): Buffer {
  const changed = Buffer.from(archive);
  // An entry of the directory, at the end, has the file's mode 8 bytes ahead of its name.
  changed.writeUInt32LE((0o120777 << 16) >>> 0, changed.lastIndexOf(name) - 8);
  return changed;
}

/** The same archive with one byte of this text, the first, changed. */
export function damaged(archive: Buffer, text: string): Buffer {
  const changed = Buffer.from(archive);
  const at = changed.indexOf(text);
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}
