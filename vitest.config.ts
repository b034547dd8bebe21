import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** Folders of test/ whose files hardly need the engine, and those that call the command line. */
const NO_ENGINE =
  'test/{addon,download,files,formats,fuzz,libtorch,options,report,support,weights}/**/*.test.ts';
const COMMAND_LINE = 'test/{browser,cli,faults,package}/**/*.test.ts';

/** Files that need a process of their own: one counts all its memory, one listens to the engine. */
const ALONE = ['test/engine/reused-memory.test.ts', 'test/experiments/said-and-ran.test.ts'];

export default defineConfig({
  test: {
    globalSetup: 'test/support/setup.ts',
    maxWorkers: 2,
    projects: [
      project('alone', ALONE, { isolate: true }),
      project('command line', [COMMAND_LINE]),
      project('engine', ['test/**/*.test.ts'], { exclude: [NO_ENGINE, COMMAND_LINE, ...ALONE] }),
      project('no engine', [NO_ENGINE]),
    ],
  },
});

type TestOptions = NonNullable<TestProjectInlineConfiguration['test']>;

/** The files of a process take turns in it, unless they are isolated, so that it loads the engine once. */
function project(name: string, include: string[], more: TestOptions = {}): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include,
      pool: 'forks',
      isolate: false,
      // Two processes with one thread each use two cores better than two that share them; a test that is about threads
      // asks for them. And on a GPU fp32 means fp32: PyTorch, and so torch-tl, lets its convolutions round to TF32.
      env: { OMP_NUM_THREADS: '1', OMP_WAIT_POLICY: 'PASSIVE', NVIDIA_TF32_OVERRIDE: '0' },
      // A second, the default, says more of the machine's load than of what is waited for.
      expect: { poll: { timeout: 60_000 } },
      testTimeout: 300_000,
      hookTimeout: 300_000,
      ...more,
    },
  };
}
