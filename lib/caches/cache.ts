/** Kinds of caches, in the order in which they are listed. */
export const CACHE_KINDS = [
  'features',
  'images',
  'libtorch',
  'engines',
  'weights',
  'cifar10',
  'partial',
] as const;

export type CacheKind = (typeof CACHE_KINDS)[number];

/** What each kind holds, for people. */
export const KIND_TEXTS: Readonly<Record<CacheKind, string>> = {
  features: 'features of frozen layers',
  images: 'decoded images',
  libtorch: 'LibTorch',
  engines: 'engines built here',
  weights: 'downloaded weights',
  cifar10: 'CIFAR-10',
  partial: 'unfinished downloads and files of stopped processes',
};

/** Something in the cache directory that can be removed by itself. */
export interface Cache {
  kind: CacheKind;
  /** Absolute path of its file or directory. */
  path: string;
  bytes: number;
  /** When it was last used, or made if that is not recorded; milliseconds since 1970. */
  used: number;
  /** What it belongs to, for people. */
  of: string;
  /** Whether a running process holds it. */
  isInUse(): boolean;
  /**
   * Removes it. Returns false if a running process holds it, which leaves it as it is.
   *
   * @throws system errors; TorchTlError `WRITE_FAILED`
   */
  remove(): Promise<boolean>;
}
