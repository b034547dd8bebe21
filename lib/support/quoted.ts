/*
 * What readers of files of other makers say of them.
 */

/** A name from a file, fit for a message. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}

/** Makes the error for what is wrong with a file. */
export type Refuse = (problem: string) => Error;
