import type { Candidate } from '../libtorch/locate.ts';

/** One line about a place where LibTorch was searched. */
export function candidateText({ source, root, version, accepted, reason }: Candidate): string {
  const what = [version, root].filter((part) => part !== null).join(' in ');
  return `${accepted ? '+' : '-'} ${source}: ${what ? `${what}: ` : ''}${reason}`;
}
