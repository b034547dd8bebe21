interface Labelled {
  /** int64 `[count]`: indices into the classes. */
  labels: BigInt64Array;
  /** Paths of the images' files, if they come from files. */
  files?: readonly string[];
  /** The group of each image, such as a patient, or null for none; no split divides a group. */
  groups?: ReadonlyArray<string | null>;
  count: number;
  height: number;
  width: number;
}

/** Labelled images of the same size in memory. */
export interface ImageSet extends Labelled {
  /** uint8 `[count, height, width, 3]`, R, G, B interleaved. */
  pixels: Uint8Array;
}

/** Labelled images of the same size in a file that contains only pixels. */
export interface StoredImageSet extends Labelled {
  file: string;
  /** `identityOf` the file: another one of its name may have other images at the same positions. */
  identity: string;
  /** int64 `[count]`: positions of the images in the file, counted in images from 0. */
  places: BigInt64Array;
}

/** Labelled images of the same size, in the forms that the engine accepts. */
export type Images = ImageSet | StoredImageSet;
