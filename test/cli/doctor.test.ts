import { describe, expect, test } from 'vitest';
import type { DoctorReport } from '../../lib/cli/doctor.ts';
import { loadEngine } from '../../lib/engine/engine.ts';
import { choosePrecision } from '../../lib/engine/precision.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl, torchTlProcess } from './torch-tl.ts';

/** A place where no LibTorch is. */
function nowhere() {
  const empty = temporaryDirectory();
  return {
    cwd: empty,
    env: { TORCH_TL_LIBTORCH: '', LIBTORCH: '', VIRTUAL_ENV: '', PATH: empty, TORCH_TL_CACHE: empty },
  };
}

describe('torch-tl doctor', () => {
  test('reports what the engine says of this machine', async () => {
    const { code, stdout, stderr } = await torchTl(['doctor', '--json'], { cwd: temporaryDirectory() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout) as DoctorReport;
    const info = loadEngine().info();
    expect(report).toMatchObject({
      node: process.versions.node,
      platform: { os: process.platform, arch: process.arch },
      engine: { builtFor: info.builtFor, libtorch: loadEngine().libtorch },
      cpu: { features: info.cpu },
      gpus: info.cuda,
    });
    expect(report.libtorch.filter(({ accepted }) => accepted)).toHaveLength(1);
    const device = report.precision?.device ?? '';
    const { precision: choice, reason } = choosePrecision(info, device);
    expect(report.precision).toEqual({ device, choice, reason });
  });

  test('prints it in lines', async () => {
    const { code, stdout } = await torchTl(['doctor'], { cwd: temporaryDirectory() });
    expect(code).toBe(0);
    for (const label of [
      'torch-tl',
      'Node',
      'Platform',
      'LibTorch',
      'Engine',
      'Processor',
      'Threads',
      'GPUs',
    ]) {
      expect(stdout).toMatch(new RegExp(`^${label} +\\S`, 'm'));
    }
    expect(stdout).toMatch(/^Precision +auto selects (fp32|bf16) on \S+: \S/m);
  });

  test('reports why the engine cannot be loaded, lists every place, and exits 1', async () => {
    const { code, stdout } = await torchTlProcess(['doctor', '--json'], nowhere());
    expect(code).toBe(1);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(report).toMatchObject({
      engine: { error: { code: 'LIBTORCH_NOT_FOUND' } },
      threads: null,
      cpu: { features: null },
      gpus: null,
      precision: null,
    });
    expect(report.libtorch.map(({ source, accepted }) => [source, accepted])).toEqual([
      ['Python (python3)', false],
      ['Python (python)', false],
      ['cache', false],
    ]);
  });

  test('says in words what to do then', async () => {
    const { code, stdout } = await torchTlProcess(['doctor'], nowhere());
    expect(code).toBe(1);
    expect(stdout).toContain('not usable (LIBTORCH_NOT_FOUND)');
    expect(stdout).toContain('npx torch-tl build');
  });
});
