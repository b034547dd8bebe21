import { describe, expect, test } from 'vitest';
import { resultsText } from '../../lib/cli/results-text.ts';
import type { BestEpoch } from '../../lib/experiments/best-epoch.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import { SETUP } from '../support/run-files.ts';

const RESULTS: RunResults = {
  formatVersion: 1,
  ...SETUP,
  weights: { source: 'tiny-imagenet-distilled', sha256: 'ab', trainedOn: 'Tiny ImageNet' },
  epochs: [],
  best: { epoch: 7, validAccuracy: 0.654, validAccuracyInterval95: [0.611, 0.694], validLoss: 1.01234 },
  seconds: { total: 61, features: 30, training: 31 },
  imagesPerSecond: 2580,
  stoppedBecause: 'epochs',
  resumed: [],
  calibration: null,
};

describe('resultsText', () => {
  test("sets ours beside the paper's figures", () => {
    expect(resultsText(RESULTS).split('\n\n')[0]).toBe(
      [
        'finetune                                here                   paper',
        '--------------------  ----------------------  ----------------------',
        'validation accuracy   65.40 % (61.1 to 69.4)  92.72 % (92.2 to 93.2)',
        'validation loss                       1.0123                  0.3367',
        'time                                    61 s                44.1 min',
        'trainable parameters               4,262,026               4,262,026',
      ].join('\n'),
    );
  });

  test('shows the top-5 accuracy and the monitored figure of the best epoch, if it has them', () => {
    const best = { ...(RESULTS.best as BestEpoch), monitored: 0.61, validTop5Accuracy: 0.9 };
    const results: RunResults = { ...RESULTS, best, monitor: 'balanced-accuracy' };
    const rows = resultsText(results).split('\n').slice(2, 6);
    expect(rows.slice(1, 3)).toEqual([
      'validation top-5 accuracy  90.00 % (87.1 to 92.3)                       -',
      'balanced accuracy                         61.00 %                       -',
    ]);
    const own = resultsText({ ...results, experiment: 'train' });
    expect(own).toMatch(
      /^validation top-5 accuracy +90\.00 % \(87\.1 to 92\.3\)\nbalanced accuracy +61\.00 %$/m,
    );
  });

  test('says what differs, and only that', () => {
    const differences = resultsText(RESULTS).split('\n\n')[2] ?? '';
    expect(differences).toMatch(
      /^data +cifar10-sample, 2,500 \+ 500 images +CIFAR-10, 50,000 \+ 10,000 images$/m,
    );
    expect(differences).toMatch(/^weights +tiny-imagenet-distilled \(Tiny ImageNet\) +ImageNet$/m);
    expect(differences).toMatch(/^hardware +a processor, 2 threads +not said$/m);
    expect(differences).not.toMatch(/^size/m);
    expect(resultsText({ ...RESULTS, imageSize: 64 })).toMatch(/^size +64x64 +155x155$/m);
  });
});
