import { z } from 'zod';
import { integer, number } from './range.ts';
import { commandLine } from './schema.ts';

const topic = 'Processes';

/** A time limit in seconds: from one second to a day. */
const limit = () => number(1, 86_400).default(600);

/** Options of all work that the processes of a job share. */
export const distributedFields = {
  distributed: z
    .union([z.enum(['auto', 'off']), z.null().transform(() => 'off' as const)], { error: 'auto or off' })
    .default('auto')
    .register(commandLine, {
      topic,
      flags: '--distributed <auto|off>',
      description:
        'auto joins the job for which torchrun, srun or mpirun started this process; off computes alone',
    }),
  joinTimeout: limit().register(commandLine, {
    topic,
    flags: '--join-timeout <seconds>',
    description: 'time limit in seconds for all processes of the job to join',
  }),
  collectiveTimeout: limit().register(commandLine, {
    topic,
    flags: '--collective-timeout <seconds>',
    description: 'time limit in seconds for all processes of the job to finish the same batch',
  }),
};

/** Options of the launcher, which only the command line has. */
export const launchOptions = z.strictObject({
  processes: integer(1, 256).default(1).register(commandLine, {
    topic,
    flags: '--processes <n>',
    description: 'number of processes to start on this machine, which share the work',
  }),
});
