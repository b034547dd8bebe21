import type { Command } from 'commander';
import type { z } from 'zod';
import { serveRunOptions } from '../options/index.ts';
import { aborted } from '../support/signals.ts';
import { isLoopback } from '../web/web-server.ts';
import { addExamples } from './examples.ts';
import { addFlags, readFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';
import { notice } from './notice.ts';
import { say } from './output.ts';

type Options = z.output<typeof serveRunOptions>;

const STOPPING = 'Answering the requests in hand; press Ctrl-C again to stop at once.';

/** Defines `torch-tl serve`. */
export function define(command: Command): void {
  addExamples(command, {
    'serve --weights runs/flowers': 'answer on http://127.0.0.1:8080/, with a page to try the model',
    'serve --weights best.safetensors --host 0.0.0.0 --token @token.txt':
      'answer other machines, if they bring the token in token.txt',
  });
  addFlags(command, serveRunOptions).action(async () => {
    const options = readFlags(command, serveRunOptions);
    await interruptible((signal) => serve(options, signal), STOPPING);
  });
}

/** Serves until the signal aborts, then answers the requests in hand. */
async function serve(
  { weights, device, host, port, ...options }: Options,
  signal: AbortSignal,
): Promise<void> {
  const { DenseNet121 } = await import('../densenet121.ts');
  const { servePredictions } = await import('../serve/service.ts');
  const model = await DenseNet121.load(weights, { device, signal });
  try {
    const onError = (error: Error) => notice(`error: ${error.stack ?? error.message}`);
    const service = await servePredictions(model, { ...options, onError });
    const url = await service.listen({ host, port });
    if (!isLoopback(host) && options.token === undefined) {
      notice(
        `Warning: every machine that reaches ${host} may use this model. Give --token, or listen on 127.0.0.1 behind a proxy that asks for a password.`,
      );
    }
    say(`Serving ${model.classes.length} classes on ${url}\nPress Ctrl-C to stop.`);
    await aborted(signal);
    await service.close();
  } finally {
    model.dispose();
  }
}
