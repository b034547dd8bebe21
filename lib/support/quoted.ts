/*
 * Shared by the readers of files that other programs write.
 */

/** A name from a file in quotes, escaped and cut to 100 characters, for a message. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}

/** Makes the error for a problem with a file. */
export type Refuse = (problem: string) => Error;
