import { packageRoot } from '../../lib/support/package-root.ts';

/** The absolute path of the project. `scripts/fuzz/fuzz.js` runs the targets from a build elsewhere, and says it. */
export const projectRoot = process.env.FUZZ_ROOT ?? packageRoot;
