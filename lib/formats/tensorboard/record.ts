/*
 * TFRecord, the framing of records in TensorFlow's files: length, checksum of the length, data, checksum of the data.
 * https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */

/** Table of the reflected CRC-32C (Castagnoli), by byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  return sum;
});

/** A record that contains `data`. */
export function tfRecord(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedSum(length), data, maskedSum(data)]);
}

/** The masked checksum of TFRecord: the CRC of data that contains CRCs would be weak. */
function maskedSum(data: Uint8Array): Buffer {
  const sum = crc32c(data);
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0);
  return masked;
}

function crc32c(data: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of data) sum = (TABLE[(sum ^ byte) & 0xff] as number) ^ (sum >>> 8);
  return ~sum >>> 0;
}
