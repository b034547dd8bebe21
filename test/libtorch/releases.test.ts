import { describe, expect, test } from 'vitest';
import { chooseRelease, type ReleaseRequest } from '../../lib/libtorch/releases.ts';
import { fullVersion } from '../../lib/libtorch/version.ts';

const DRIVER = { version: '580.65.06', capabilities: ['9.0'] };
const TWO_ENGINES = { engines: ['2.14', '2.13'], cudaEngines: ['2.14'] };

function chosen(
  request: ReleaseRequest,
  surroundings: Partial<Parameters<typeof chooseRelease>[1]> = {},
): string {
  return fullVersion(chooseRelease(request, { ...TWO_ENGINES, driver: null, ...surroundings }).release);
}

describe('chooseRelease', () => {
  test('takes the default for the CPU where no driver can use CUDA, and CUDA where one can', () => {
    expect(chosen({})).toBe('2.13.0+cpu');
    expect(chosen({}, { driver: { version: '550.54.14', capabilities: ['9.0'] } })).toBe('2.13.0+cpu');
    expect(chosen({}, { driver: { version: '580.65.06', capabilities: ['6.1'] } })).toBe('2.13.0+cpu');
    expect(chosen({}, { driver: DRIVER })).toBe('2.14.1+cu130');
  });

  test('takes the newest that an engine for CUDA stands ready for, else that any does', () => {
    expect(chosen({ build: 'cuda' })).toBe('2.14.1+cu130');
    expect(chosen({ build: 'cuda' }, { cudaEngines: ['2.13'] })).toBe('2.13.0+cu130');
    expect(chosen({ build: 'cuda' }, { cudaEngines: [] })).toBe('2.14.1+cu130');
    expect(chosen({ build: 'cuda' }, { engines: [], cudaEngines: [] })).toBe('2.13.0+cu130');
    expect(chosen({}, { engines: ['2.12'] })).toBe('2.12.0+cpu');
  });

  test('keeps to the version asked for', () => {
    expect(chosen({ version: '2.11' })).toBe('2.11.0+cpu');
    expect(chosen({ version: '2.11', build: 'cuda' })).toBe('2.11.0+cu130');
    expect(chosen({ version: '2.12.1' })).toBe('2.12.1+cpu');
    expect(chosen({ version: '2.13' }, { driver: DRIVER })).toBe('2.13.0+cu130');
    expect(chosen({ version: '2.13.0+cu126' })).toBe('2.13.0+cu126');
    expect(chosen({ version: '2.14.0+cpu' }, { driver: DRIVER })).toBe('2.14.0+cpu');
  });

  test('says why', () => {
    const reason = (driver: typeof DRIVER | null) => chooseRelease({}, { ...TWO_ENGINES, driver }).reason;
    expect(reason(null)).toBe('no NVIDIA driver was found (nvidia-smi does not answer)');
    expect(reason(DRIVER)).toBe('the NVIDIA driver 580.65.06 can use CUDA 13.0');
  });
});
