/** What samples a TIFF file has; grey or R, G, B by their number. */
export interface TiffSamples {
  data: Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Float32Array;
  width: number;
  height: number;
  channels: 1 | 3;
  /** What `MaxSampleValue` says. */
  max?: number;
  profile?: Buffer;
}

const [SHORT, LONG, UNDEFINED] = [3, 4, 7];

/** A little-endian TIFF file of one strip, which sharp writes of 8-bit and 16-bit integers alone. */
export function tiffOf({ data, width, height, channels, max, profile }: TiffSamples): Buffer {
  const format =
    data instanceof Float32Array ? 3 : data instanceof Int8Array || data instanceof Int16Array ? 2 : 1;
  const samples = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const each = (value: number) => new Array<number>(channels).fill(value);
  const tags: Array<[tag: number, type: number, values: number[]]> = [
    [256, SHORT, [width]],
    [257, SHORT, [height]],
    [258, SHORT, each(data.BYTES_PER_ELEMENT * 8)],
    [259, SHORT, [1]],
    [262, SHORT, [channels === 1 ? 1 : 2]],
    [273, LONG, [0]],
    [277, SHORT, [channels]],
    [278, SHORT, [height]],
    [279, LONG, [samples.length]],
    ...(max === undefined ? [] : [[281, SHORT, each(max)] as [number, number, number[]]]),
    [339, SHORT, each(format)],
    ...(profile ? [[34675, UNDEFINED, [...profile]] as [number, number, number[]]] : []),
  ];
  const directory = Buffer.alloc(2 + tags.length * 12 + 4);
  directory.writeUInt16LE(tags.length);
  const outside: Buffer[] = [];
  let end = 8 + directory.length;
  for (const [index, [tag, type, values]] of tags.entries()) {
    const at = 2 + index * 12;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(values.length, at + 4);
    const bytes = Buffer.concat(values.map((value) => integer(type, value)));
    if (bytes.length <= 4) bytes.copy(directory, at + 8);
    else {
      directory.writeUInt32LE(end, at + 8);
      outside.push(bytes);
      end += bytes.length;
    }
  }
  directory.writeUInt32LE(end, 2 + tags.findIndex(([tag]) => tag === 273) * 12 + 8);
  return Buffer.concat([Buffer.from('II*\0\x08\0\0\0', 'latin1'), directory, ...outside, samples]);
}

/** An ICC profile of grey whose samples are light to the power of `1 / gamma`. */
export function greyProfile(gamma: number): Buffer {
  const fixed = (...values: number[]) => uint32(...values.map((value) => Math.round(value * 65536)));
  const curve = Buffer.concat([text('curv'), uint32(0, 1), Buffer.from([gamma, 0, 0, 0])]);
  const tags: Array<[name: string, data: Buffer]> = [
    ['desc', Buffer.concat([text('desc'), uint32(0, 2), text('g\0'), Buffer.alloc(78)])],
    ['cprt', Buffer.concat([text('text'), uint32(0), text('c\0\0\0')])],
    ['wtpt', Buffer.concat([text('XYZ '), uint32(0), fixed(0.9642, 1, 0.8249)])],
    ['kTRC', curve],
  ];
  let end = 128 + 4 + 12 * tags.length;
  const table = tags.map(([name, data]) => {
    const entry = Buffer.concat([text(name), uint32(end, data.length)]);
    end += data.length;
    return entry;
  });
  const head = Buffer.alloc(128);
  uint32(end).copy(head);
  text('lcms').copy(head, 4);
  uint32(0x02100000).copy(head, 8);
  text('mntrGRAYXYZ ').copy(head, 12);
  text('acsp').copy(head, 36);
  fixed(0.9642, 1, 0.8249).copy(head, 68);
  return Buffer.concat([head, uint32(tags.length), ...table, ...tags.map(([, data]) => data)]);
}

function integer(type: number, value: number): Buffer {
  if (type === UNDEFINED) return Buffer.from([value]);
  const bytes = Buffer.alloc(type === SHORT ? 2 : 4);
  bytes.writeUIntLE(value, 0, bytes.length);
  return bytes;
}

function uint32(...values: number[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    }),
  );
}

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}
