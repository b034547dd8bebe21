import type { Candidate } from '../libtorch/locate.ts';

/** A place where LibTorch was looked for, in one line. */
export function candidateText({ source, root, version, accepted, reason }: Candidate): string {
  const what = [version, root].filter((part) => part !== null).join(' in ');
  return `${accepted ? '+' : '-'} ${source}: ${what ? `${what}: ` : ''}${reason}`;
}
