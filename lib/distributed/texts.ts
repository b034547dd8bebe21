import type { HostTensor } from '../engine/native-computation.ts';
import type { NativeGroup } from '../engine/native-group.ts';

/*
 * Texts of any length between the processes of a job. All tensors of a collective have one shape, so lengths go first.
 */

/** A text of every rank, in the order of ranks. */
export async function gatherTexts(group: NativeGroup, text: string): Promise<string[]> {
  const bytes = Buffer.from(text);
  const lengths = (await group.gather(lengthTensor(bytes.length)).result).map(lengthOf);
  const padded = new Uint8Array(Math.max(...lengths));
  padded.set(bytes);
  const texts = await group.gather(bytesTensor(padded)).result;
  return texts.map(({ data }, rank) => Buffer.from(data).toString('utf8', 0, lengths[rank]));
}

/** The text of rank 0; the others give null. */
export async function textOfFirst(group: NativeGroup, text: string | null): Promise<string> {
  const bytes = Buffer.from(text ?? '');
  const length = lengthOf(await group.broadcast(lengthTensor(bytes.length), 0).result);
  const sent = bytesTensor(text === null ? new Uint8Array(length) : new Uint8Array(bytes));
  return Buffer.from((await group.broadcast(sent, 0).result).data).toString('utf8');
}

function bytesTensor(data: Uint8Array): HostTensor {
  return { name: 'text', dtype: 'uint8', shape: [data.length], data };
}

function lengthTensor(length: number): HostTensor {
  const data = new Uint8Array(8);
  view(data).setBigInt64(0, BigInt(length), true);
  return { name: 'length', dtype: 'int64', shape: [1], data };
}

function lengthOf({ data }: HostTensor): number {
  return Number(view(data).getBigInt64(0, true));
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
