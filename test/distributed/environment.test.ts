import { describe, expect, test } from 'vitest';
import { type Membership, readMembership, type Variables } from '../../lib/distributed/environment.ts';
import { InputError } from '../../lib/errors.ts';

const TORCHRUN = {
  RANK: '3',
  WORLD_SIZE: '4',
  LOCAL_RANK: '1',
  LOCAL_WORLD_SIZE: '2',
  MASTER_ADDR: 'node1',
  MASTER_PORT: '29400',
};
const SRUN = {
  SLURM_JOB_ID: '4711',
  SLURM_STEP_ID: '0',
  SLURM_PROCID: '2',
  SLURM_STEP_NUM_TASKS: '5',
  SLURM_LOCALID: '0',
  SLURM_NODEID: '1',
  SLURM_STEP_TASKS_PER_NODE: '2(x2),1',
  SLURM_STEP_NODELIST: 'node[01-03]',
};
const OPEN_MPI = {
  OMPI_COMM_WORLD_RANK: '1',
  OMPI_COMM_WORLD_SIZE: '2',
  OMPI_COMM_WORLD_LOCAL_RANK: '1',
  OMPI_COMM_WORLD_LOCAL_SIZE: '2',
};
const PMI = { PMI_RANK: '1', PMI_SIZE: '2', MPI_LOCALRANKID: '1', MPI_LOCALNRANKS: '2' };
/** What SLURM sets for a batch script that has not called srun. */
const BATCH_SCRIPT = {
  SLURM_JOB_ID: '4711',
  SLURM_NTASKS: '8',
  SLURM_PROCID: '0',
  SLURM_LOCALID: '0',
  SLURM_NODEID: '0',
};

function without(variables: Variables, ...names: string[]): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !names.includes(name)));
}

describe('a process of a job', () => {
  test.for<[string, Variables, Partial<Membership>]>([
    [
      "has torchrun's place",
      TORCHRUN,
      {
        rank: 3,
        size: 4,
        localRank: 1,
        localSize: 2,
        master: { address: 'node1', port: 29400 },
        agentHostsStore: false,
        storePrefix: 'torch-tl/none/0',
        launcher: 'torchrun',
      },
    ],
    [
      'is alone on its machine where a PyTorchJob names no local ranks',
      without(TORCHRUN, 'LOCAL_RANK', 'LOCAL_WORLD_SIZE'),
      { rank: 3, localRank: 0, localSize: 1 },
    ],
    [
      "uses the store of torchrun's agent, apart from that of other runs and restarts",
      {
        ...TORCHRUN,
        TORCHELASTIC_USE_AGENT_STORE: 'True',
        TORCHELASTIC_RUN_ID: 'run7',
        TORCHELASTIC_RESTART_COUNT: '2',
      },
      { agentHostsStore: true, storePrefix: 'torch-tl/run7/2' },
    ],
    [
      'hosts the store itself where the agent does not',
      { ...TORCHRUN, TORCHELASTIC_USE_AGENT_STORE: 'False' },
      { agentHostsStore: false },
    ],
    [
      "has srun's place",
      SRUN,
      {
        rank: 2,
        size: 5,
        localRank: 0,
        localSize: 2,
        master: { address: 'node01', port: expect.any(Number) },
        storePrefix: 'torch-tl/4711.0/0',
        launcher: 'srun',
      },
    ],
    [
      'is alone on the last machine of the step',
      { ...SRUN, SLURM_PROCID: '4', SLURM_NODEID: '2' },
      { localSize: 1 },
    ],
    [
      'needs no SLURM_NODEID where all machines have as many tasks',
      {
        ...without(SRUN, 'SLURM_NODEID'),
        SLURM_STEP_NUM_TASKS: '8',
        SLURM_STEP_TASKS_PER_NODE: '4(x2)',
      },
      { localSize: 4 },
    ],
    [
      "prefers MASTER_ADDR and MASTER_PORT to SLURM's",
      { ...SRUN, MASTER_ADDR: '10.0.0.9', MASTER_PORT: '1234' },
      { master: { address: '10.0.0.9', port: 1234 } },
    ],
    [
      'accepts WORLD_SIZE of a batch script that srun repeats',
      { ...SRUN, WORLD_SIZE: '5' },
      { rank: 2, size: 5, launcher: 'srun' },
    ],
    [
      'prefers torchrun that srun started',
      { ...SRUN, ...TORCHRUN },
      { rank: 3, size: 4, launcher: 'torchrun' },
    ],
    [
      'prefers mpirun that srun started',
      { ...SRUN, ...OPEN_MPI, PMIX_NAMESPACE: 'job' },
      { rank: 1, size: 2, launcher: 'mpirun' },
    ],
    [
      'prefers mpiexec that srun started',
      { ...SRUN, ...PMI, SLURM_PROCID: '0', SLURM_STEP_NUM_TASKS: '1', MASTER_PORT: '1234' },
      { rank: 1, size: 2, launcher: 'mpiexec', master: { address: '127.0.0.1', port: 1234 } },
    ],
    [
      'takes srun for the launcher where it sets the variables of PMI too',
      { ...SRUN, PMI_RANK: '2', PMI_SIZE: '5' },
      { rank: 2, size: 5, localSize: 2, launcher: 'srun' },
    ],
    [
      "has mpirun's place on one machine",
      { ...OPEN_MPI, PMIX_NAMESPACE: 'prterun-host-1@1' },
      {
        rank: 1,
        size: 2,
        localRank: 1,
        localSize: 2,
        master: { address: '127.0.0.1', port: expect.any(Number) },
        storePrefix: 'torch-tl/prterun-host-1@1/0',
        launcher: 'mpirun',
      },
    ],
    [
      "has mpirun's place on several machines",
      { ...OPEN_MPI, OMPI_COMM_WORLD_SIZE: '8', MASTER_ADDR: 'node1', MASTER_PORT: '1234' },
      { rank: 1, size: 8, localSize: 2, master: { address: 'node1', port: 1234 } },
    ],
    [
      "has mpiexec's place",
      { ...PMI, MASTER_PORT: '1234' },
      { rank: 1, size: 2, localRank: 1, launcher: 'mpiexec', master: { address: '127.0.0.1', port: 1234 } },
    ],
    [
      'takes empty variables for absent ones',
      { ...TORCHRUN, LOCAL_RANK: '', LOCAL_WORLD_SIZE: '' },
      { localRank: 0, localSize: 1 },
    ],
  ])('%s', ([, variables, expected]) => {
    expect(readMembership(variables)).toMatchObject(expected);
  });

  test("has the same derived port as its job's other processes, and another than the next job", () => {
    const portOf = (variables: Variables) => readMembership({ ...SRUN, ...variables })?.master.port ?? 0;
    expect(portOf({ SLURM_PROCID: '0' })).toBe(portOf({ SLURM_PROCID: '1' }));
    expect(portOf({ SLURM_JOB_ID: '4712' })).not.toBe(portOf({}));
    expect(portOf({ SLURM_STEP_ID: '1' })).not.toBe(portOf({}));
    expect(portOf({})).toBeGreaterThanOrEqual(15_000);
    expect(portOf({})).toBeLessThan(31_000);
  });
});

describe('a process is alone', () => {
  test.for<[string, Variables]>([
    ['without any variables', {}],
    ["in torchrun's job of one", { RANK: '0', WORLD_SIZE: '1' }],
    ["in srun's step of one", { ...SRUN, SLURM_PROCID: '0', SLURM_STEP_NUM_TASKS: '1' }],
    ["in mpirun's job of one", { OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '1' }],
    ['in a batch script of SLURM that has not called srun', BATCH_SCRIPT],
    ['with an address but no rank', { MASTER_ADDR: 'node1', MASTER_PORT: '1234' }],
    ['in a TrainJob of one machine', { PET_NNODES: '1' }],
  ])('%s', ([, variables]) => {
    expect(readMembership(variables)).toBeNull();
  });
});

describe('it is refused', () => {
  test.for<[string, Variables, RegExp]>([
    ['without WORLD_SIZE', without(TORCHRUN, 'WORLD_SIZE'), /^WORLD_SIZE is not set, but RANK is set/],
    ['without RANK', without(TORCHRUN, 'RANK'), /^RANK is not set, but WORLD_SIZE is set/],
    ['without LOCAL_WORLD_SIZE', without(TORCHRUN, 'LOCAL_WORLD_SIZE'), /^LOCAL_WORLD_SIZE is not set/],
    ['without LOCAL_RANK', without(TORCHRUN, 'LOCAL_RANK'), /^LOCAL_RANK is not set/],
    ['without MASTER_ADDR', without(TORCHRUN, 'MASTER_ADDR'), /^MASTER_ADDR is not set, but WORLD_SIZE is 4/],
    ['without MASTER_PORT', without(TORCHRUN, 'MASTER_PORT'), /^MASTER_PORT is not set/],
    ['without SLURM_PROCID', without(SRUN, 'SLURM_PROCID'), /^SLURM_PROCID is not set/],
    ['without SLURM_LOCALID', without(SRUN, 'SLURM_LOCALID'), /^SLURM_LOCALID is not set/],
    ["without a step's node list", without(SRUN, 'SLURM_STEP_NODELIST'), /^SLURM_STEP_NODELIST is not set/],
    [
      'without the numbers of tasks',
      without(SRUN, 'SLURM_STEP_TASKS_PER_NODE'),
      /^SLURM_STEP_TASKS_PER_NODE is not set/,
    ],
    [
      'without the number of the machine',
      without(SRUN, 'SLURM_NODEID'),
      /^SLURM_NODEID is not set, but .* different/,
    ],
    [
      'without a size of Open MPI',
      without(OPEN_MPI, 'OMPI_COMM_WORLD_SIZE'),
      /^OMPI_COMM_WORLD_SIZE is not set/,
    ],
    [
      'without an address of several machines of Open MPI',
      { ...OPEN_MPI, OMPI_COMM_WORLD_SIZE: '8' },
      /^MASTER_ADDR is not set, but OMPI_COMM_WORLD_SIZE is 8/,
    ],
    ['without a port of MPICH', PMI, /^MASTER_PORT is not set, but PMI_SIZE is 2/],
    [
      'with a rank that is no number',
      { ...TORCHRUN, RANK: 'one' },
      /^RANK must be an integer of at least 0, not 'one'/,
    ],
    ['with a size of 0', { ...TORCHRUN, WORLD_SIZE: '0' }, /^WORLD_SIZE must be an integer of at least 1/],
    ['with a rank beyond the size', { ...TORCHRUN, RANK: '4' }, /^RANK \(4\) is not below WORLD_SIZE \(4\)/],
    ['with a local rank beyond its size', { ...TORCHRUN, LOCAL_RANK: '2' }, /^LOCAL_RANK \(2\) is not below/],
    [
      'with more processes here than in all',
      { ...TORCHRUN, LOCAL_WORLD_SIZE: '5' },
      /^LOCAL_WORLD_SIZE \(5\) is more than WORLD_SIZE \(4\)/,
    ],
    [
      'with port 0',
      { ...TORCHRUN, MASTER_PORT: '0' },
      /^MASTER_PORT must be an integer from 1 to 65535, not '0'/,
    ],
    ['with port 65536', { ...TORCHRUN, MASTER_PORT: '65536' }, /^MASTER_PORT must be/],
    [
      'with a WORLD_SIZE that srun contradicts',
      { ...SRUN, WORLD_SIZE: '4' },
      /^WORLD_SIZE is 4, but the launcher says 5/,
    ],
    [
      'with a node list that is none',
      { ...SRUN, SLURM_STEP_NODELIST: 'node[01' },
      /^SLURM_STEP_NODELIST must be/,
    ],
    [
      'with numbers of tasks that are none',
      { ...SRUN, SLURM_STEP_TASKS_PER_NODE: '2x3' },
      /^SLURM_STEP_TASKS_PER_NODE must be/,
    ],
    [
      'in a TrainJob without torchrun',
      { PET_NNODES: '2' },
      /^PET_NNODES is 2, but RANK is not set.*torchrun --no-python/,
    ],
    ['in an elastic TrainJob without torchrun', { PET_NNODES: '1:4' }, /torchrun --no-python/],
  ])('%s', ([, variables, message]) => {
    const read = () => readMembership(variables);
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
  });
});
