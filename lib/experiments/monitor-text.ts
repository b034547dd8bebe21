import type { Monitor } from '../options/index.ts';

const NAMES: Record<Monitor, string> = {
  loss: 'validation loss',
  accuracy: 'validation accuracy',
  'balanced-accuracy': 'balanced accuracy',
  'macro-f1': 'macro F1',
};

/** What a monitored figure is called. */
export function monitorName(monitor: Monitor): string {
  return NAMES[monitor];
}
