import { type Command, InvalidArgumentError } from 'commander';
import { duration } from './format.ts';
import { interruptible } from './interrupt.ts';
import { downloadBar, progressOn } from './progress.ts';

/** Adds `torch-tl data download`. */
export function registerData(program: Command): void {
  const data = program.command('data').description('fetch pictures to train with');
  data
    .command('download')
    .description('fetch CIFAR-10 (170 MB) into the cache, where --data auto finds it')
    .argument('<name>', 'cifar10', (name) => {
      if (name !== 'cifar10')
        throw new InvalidArgumentError('The only data that is fetched by name is cifar10.');
      return name;
    })
    .option('--out <dir>', 'a directory to put it in instead')
    .action((_: string, { out }: { out?: string }) => fetchCifar10(out));
}

async function fetchCifar10(directory: string | undefined): Promise<void> {
  const { downloadCifar10 } = await import('../data/download-cifar10.ts');
  const progress = progressOn(process.stderr);
  const started = performance.now();
  try {
    const onProgress = downloadBar(progress);
    const path = await interruptible((signal) => downloadCifar10({ directory, signal, onProgress }));
    progress.line(`cifar10: ${path}  ${duration((performance.now() - started) / 1000)}`);
  } finally {
    progress.end();
  }
}
