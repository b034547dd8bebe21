import { NotDownloaded } from '../weights/catalogue.ts';
import { downloadWeights } from '../weights/download-weights.ts';
import { isInteractive, isYes } from './ask.ts';
import { showDownload } from './download.ts';
import { notice } from './notice.ts';

/**
 * Offers to download weights if a command failed without them and a user at a terminal can be asked.
 *
 * @returns whether they were downloaded, so that the command can be repeated
 * @throws what `downloadWeights` throws
 */
export async function offerWeights(error: unknown): Promise<boolean> {
  if (!(error instanceof NotDownloaded) || !isInteractive()) return false;
  const { name, trainedOn, terms, url } = error.weights;
  notice(`The weights '${name}' (${trainedOn}) are not on this machine. ${terms}`);
  if (!(await isYes(`Download them now (about 32 MB from ${new URL(String(url)).host})?`))) return false;
  await showDownload(name, (control) => downloadWeights(name, control));
  return true;
}
