import type { Command } from 'commander';
import type { StoredType } from '../formats/stored-tensor.ts';
import { count } from '../support/format.ts';
import { sha256 } from '../support/hash.ts';
import { shown, shownJson } from '../support/printable.ts';
import { CATALOGUE, findWeights } from '../weights/catalogue.ts';
import { downloadWeights } from '../weights/download-weights.ts';
import { openWeights, type WeightsFormat } from '../weights/read-weights.ts';
import { showDownload } from './download.ts';
import { addExamples } from './examples.ts';
import { print } from './output.ts';
import { table } from './table.ts';
import { wrap } from './wrap.ts';

/** Output of `torch-tl weights inspect --json`. */
export interface Inspection {
  format: WeightsFormat;
  /** `sha256` is the hash of the tensor's bytes, contiguous in row-major order and little-endian. */
  tensors: Array<{ name: string; dtype: StoredType; shape: number[]; sha256: string }>;
  metadata: Record<string, string>;
}

/** Defines `torch-tl weights list|download|inspect`. */
export function define(weights: Command): void {
  const list = weights
    .command('list')
    .description('list the named weights, the data they were trained on, and their terms')
    .action(() => print(wrap(CATALOGUE.map(described).join('\n\n'), process.stdout.columns)));
  const download = weights
    .command('download')
    .description('download named weights into the cache, where --weights NAME finds them')
    .argument('<name>', 'such as imagenet')
    .action((name: string) => showDownload(name, (control) => downloadWeights(name, control)));
  const look = weights
    .command('inspect')
    .description('list the tensors of a safetensors or torch.save file; no code in the file is run')
    .argument('<file>', 'a file, a run directory or a name')
    .option('--json', 'print one JSON document', false)
    .action(async (file: string, { json }: { json: boolean }) => {
      const inspection = await inspect(file);
      print(json ? shownJson(inspection) : asText(inspection));
    });
  addExamples(list, { 'weights list': 'list the named weights' });
  addExamples(download, { 'weights download imagenet': 'download for --weights imagenet' });
  addExamples(look, { 'weights inspect model.pth': 'print a table of its tensors' });
  addExamples(weights, {
    'weights list': 'list the named weights',
    'weights download imagenet': 'download for --weights imagenet',
  });
}

function described({ name, trainedOn, terms, url, sha256 }: (typeof CATALOGUE)[number]): string {
  const where = url === null ? 'embedded' : `downloaded by \`torch-tl weights download ${name}\` from ${url}`;
  return [`${name} (${where})`, `  trained on ${trainedOn}`, `  ${terms}`, `  SHA-256 ${sha256}`].join('\n');
}

async function inspect(file: string): Promise<Inspection> {
  const { format, tensors, metadata } = await openWeights(await findWeights(file));
  const inspected: Inspection['tensors'] = [];
  for (const { name, dtype, shape, data } of tensors) {
    inspected.push({ name, dtype, shape, sha256: await sha256([data]) });
  }
  return { format, tensors: inspected, metadata };
}

function asText({ format, tensors, metadata }: Inspection): string {
  const rows = tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`]);
  const facts = Object.entries(metadata).map(([key, value]) => shown(`${key}: ${value}`));
  const listed = table(['tensor', 'dtype', 'shape'], rows, ['left', 'left', 'left']);
  return [`${format}, ${count(tensors.length)} tensors`, ...facts, '', listed].join('\n');
}
