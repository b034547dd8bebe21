import type { Target } from './target.ts';
import { checkInput } from './target.ts';

/*
 * What Jazzer.js calls with every input. `scripts/fuzz/fuzz.js` says which target it is for.
 */

const { target } = (await import(`./targets/${process.env.FUZZ_TARGET}.js`)) as { target: Target };

export async function fuzz(data: Uint8Array): Promise<void> {
  // A copy, since libFuzzer uses the memory of the input again.
  await checkInput(target, Uint8Array.from(data));
}
