/** Labelled pictures of one size, as the engine takes them. */
export interface PictureSet {
  /** uint8 `[count, height, width, 3]`, R, G, B interleaved. */
  pixels: Uint8Array;
  /** int64 `[count]`, each an index into the classes. */
  labels: BigInt64Array;
  count: number;
  height: number;
  width: number;
}
