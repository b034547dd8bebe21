// With `node --import` in front of any program: when it exits it writes the most memory that it had, in bytes, to the
// pipe that measure.js opens as the fourth of its streams.
import { writeSync } from 'node:fs';

process.on('exit', () => writeSync(3, String(process.resourceUsage().maxRSS * 1024)));
