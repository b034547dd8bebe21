import { z } from 'zod';
import { integer } from './range.ts';
import { commandLine, text } from './schema.ts';

/** Where a server listens; the port's default stands in the note. */
export function listenFields(port: number) {
  return {
    host: text('a name or an address').default('127.0.0.1').register(commandLine, {
      topic: 'Server',
      flags: '--host <host>',
      description: 'interface to listen on; 0.0.0.0 lets other machines in',
    }),
    port: integer(0, 65_535)
      .optional()
      .register(commandLine, {
        topic: 'Server',
        flags: '--port <n>',
        description: `port to listen on; 0 takes a free one (default: ${port}, or a free one if that is taken)`,
      }),
  };
}

/** Port of `torch-tl watch`, where none is given. */
export const WATCH_PORT = 6121;

/** Options of `torch-tl watch`. */
export const watchOptions = z.strictObject(listenFields(WATCH_PORT));
