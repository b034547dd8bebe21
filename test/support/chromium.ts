import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A Chromium on this machine: `CHROMIUM` names one, or it is in the PATH; undefined where there is none. */
export const chromium: string | undefined =
  process.env.CHROMIUM ||
  ['chromium', 'chromium-browser', 'google-chrome']
    .flatMap((name) =>
      [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'].map((directory) => join(directory, name)),
    )
    .find((path) => existsSync(path));
