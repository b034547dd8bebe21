/** What decides which images stay together when a data set is divided. */
export interface Together {
  /** The group of each image, such as a patient; null for an image without one. */
  groups?: ReadonlyArray<string | null> | undefined;
  /** A key per image, equal for exact twins; null for an image without a twin. */
  twins?: ReadonlyArray<string | null> | undefined;
}

/**
 * The units of a data set: images that must stay on one side of every split, because they belong to one group or are
 * exact twins. A twin may join two groups. If all images of a class would become one unit although they belong to
 * several groups, its twins are not kept together, because the class could not stand on both sides.
 *
 * @param labels int64 `[count]`: indices into the classes
 * @returns the unit of each image, as the index of its first image; undefined if every unit is a single image
 */
export function unitsOf(labels: BigInt64Array, { groups, twins }: Together): number[] | undefined {
  if (!groups && !twins?.some((key) => key !== null)) return undefined;
  const byGroup = united(labels.length, [groups ?? []]);
  const joining =
    twins && withoutUniform(labels, byGroup, united(labels.length, [groups ?? [], twins]), twins);
  const units = united(labels.length, [groups ?? [], joining ?? []]);
  return units.every((unit, index) => unit === index) ? undefined : units;
}

/** The keys of the twins, without those in classes that they would turn from several units into one. */
function withoutUniform(
  labels: BigInt64Array,
  byGroup: readonly number[],
  byBoth: readonly number[],
  twins: ReadonlyArray<string | null>,
): Array<string | null> {
  const [before, after] = [unitsPerClass(labels, byGroup), unitsPerClass(labels, byBoth)];
  const isUniform = (label: bigint) => after.get(label)?.size === 1 && before.get(label)?.size !== 1;
  return twins.map((key, index) => (isUniform(labels[index] as bigint) ? null : key));
}

function unitsPerClass(labels: BigInt64Array, units: readonly number[]): Map<bigint, Set<number>> {
  const perClass = new Map<bigint, Set<number>>();
  for (const [index, label] of labels.entries()) {
    const known = perClass.get(label) ?? new Set();
    perClass.set(label, known.add(units[index] as number));
  }
  return perClass;
}

/**
 * Unites the images that share a key in any of the lists (union-find).
 *
 * @returns for each image the index of the first one that it is united with
 */
function united(count: number, lists: ReadonlyArray<ReadonlyArray<string | null>>): number[] {
  const parents = Array.from({ length: count }, (_, index) => index);
  const rootOf = (index: number): number => {
    let root = index;
    while (parents[root] !== root) {
      // Halves the path, so that later searches are short.
      parents[root] = parents[parents[root] as number] as number;
      root = parents[root] as number;
    }
    return root;
  };
  for (const keys of lists) {
    const first = new Map<string, number>();
    for (const [index, key] of keys.entries()) {
      if (key === null) continue;
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, index);
      else {
        const [a, b] = [rootOf(earlier), rootOf(index)];
        parents[Math.max(a, b)] = Math.min(a, b);
      }
    }
  }
  return parents.map((_, index) => rootOf(index));
}
