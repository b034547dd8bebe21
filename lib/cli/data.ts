import { type Command, InvalidArgumentError } from 'commander';
import { defineCheck } from './data-check.ts';
import { showDownload } from './download.ts';
import { addExamples } from './examples.ts';

/** Defines `torch-tl data check|download`. */
export function define(data: Command): void {
  defineCheck(data);
  const download = data
    .command('download')
    .description('download CIFAR-10 (170 MB) into the cache, where --data auto finds it')
    .argument('<name>', 'cifar10', (name) => {
      if (name !== 'cifar10')
        throw new InvalidArgumentError('The only data set that can be downloaded is cifar10.');
      return name;
    })
    .option('--out <dir>', 'directory to download to, instead of the cache')
    .action((_: string, { out }: { out?: string }) => fetchCifar10(out));
  const examples = { 'data download cifar10': 'download for --data auto' };
  addExamples(data, { 'data check flowers': 'look for broken images and twins', ...examples });
  addExamples(download, { ...examples, 'data download cifar10 --out cifar': 'download for --data cifar' });
}

async function fetchCifar10(directory: string | undefined): Promise<void> {
  const { downloadCifar10 } = await import('../data/cifar10/download.ts');
  await showDownload('cifar10', (control) => downloadCifar10({ directory, ...control }));
}
