import { createHash } from 'node:crypto';
import { InputError, invalidArgument } from '../errors.ts';
import { firstHost, tasksPerNode } from './slurm.ts';

/** This process's place in a job of several processes, as its launcher describes it. */
export interface Membership {
  /** Number of this process in the job, from 0. */
  rank: number;
  /** Number of processes in the job, at least 2. */
  size: number;
  /** Number of this process among those on this machine, from 0. */
  localRank: number;
  /** Number of processes on this machine. */
  localSize: number;
  /** Where rank 0, or torchrun's agent, hosts the store through which the processes find each other. */
  master: { address: string; port: number };
  /** Whether torchrun's agent hosts the store; otherwise rank 0 does. */
  agentHostsStore: boolean;
  /** Prefix of the job's keys in the store. It differs between jobs and between restarts of one job. */
  storePrefix: string;
  /** The program whose variables were read. Other launchers set torchrun's variables too, Kubeflow's for example. */
  launcher: 'torchrun' | 'mpirun' | 'srun' | 'mpiexec';
}

/** Environment variables. An empty value counts as absent. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Names of a launcher's variables for one process. */
interface Row {
  launcher: Membership['launcher'];
  rank: string;
  size: string;
  localRank: string;
  localSize: string;
}

const TORCHRUN: Row = {
  launcher: 'torchrun',
  rank: 'RANK',
  size: 'WORLD_SIZE',
  localRank: 'LOCAL_RANK',
  localSize: 'LOCAL_WORLD_SIZE',
};
const OPEN_MPI: Row = {
  launcher: 'mpirun',
  rank: 'OMPI_COMM_WORLD_RANK',
  size: 'OMPI_COMM_WORLD_SIZE',
  localRank: 'OMPI_COMM_WORLD_LOCAL_RANK',
  localSize: 'OMPI_COMM_WORLD_LOCAL_SIZE',
};
/** Only a step's variables: a batch script has its job's too, but srun has started no tasks for it yet. */
const SLURM_STEP: Row = {
  launcher: 'srun',
  rank: 'SLURM_PROCID',
  size: 'SLURM_STEP_NUM_TASKS',
  localRank: 'SLURM_LOCALID',
  localSize: 'SLURM_STEP_TASKS_PER_NODE',
};
/** Of MPICH and Intel MPI. */
const PMI: Row = {
  launcher: 'mpiexec',
  rank: 'PMI_RANK',
  size: 'PMI_SIZE',
  localRank: 'MPI_LOCALRANKID',
  localSize: 'MPI_LOCALNRANKS',
};

/**
 * Reads this process's place in a job from the variables that torchrun, Open MPI, srun or MPICH set; null if the job
 * has one process or there is none. The first launcher whose variables are complete counts. RANK, WORLD_SIZE,
 * LOCAL_RANK and LOCAL_WORLD_SIZE, if set, must agree with it.
 *
 * Sources: https://docs.pytorch.org/docs/stable/elastic/run.html (environment variables), `man srun` (output
 * environment variables), https://docs.open-mpi.org (mpirun's exported variables).
 *
 * @throws InputError `INVALID_ARGUMENT` naming the variable that is missing, malformed or contradicts another
 */
export function readMembership(variables: Variables): Membership | null {
  const environment = new Environment(variables);
  const row = launcherRow(environment);
  if (row === null) {
    refuseUnstartedTrainJob(environment);
    return null;
  }
  const rank = environment.integer(row.rank, 0);
  const size = environment.integer(row.size, 1);
  if (rank >= size) throw contradiction(environment, row.rank, `is not below`, row.size);
  refuseContradictions(environment, { [TORCHRUN.rank]: rank, [TORCHRUN.size]: size });
  if (size === 1) return null;

  const local = localPlace(environment, row);
  if (local.localSize > size) throw contradiction(environment, row.localSize, 'is more than', row.size);
  refuseContradictions(environment, {
    [TORCHRUN.localRank]: local.localRank,
    [TORCHRUN.localSize]: local.localSize,
  });
  return {
    rank,
    size,
    ...local,
    master: masterOf(environment, row, local.localSize === size),
    agentHostsStore: environment.text('TORCHELASTIC_USE_AGENT_STORE') === 'True',
    storePrefix: ['torch-tl', jobOf(environment), environment.text('TORCHELASTIC_RESTART_COUNT') ?? '0'].join(
      '/',
    ),
    launcher: row.launcher,
  };
}

class Environment {
  readonly #variables: Variables;

  constructor(variables: Variables) {
    this.#variables = variables;
  }

  text(name: string): string | undefined {
    return this.#variables[name] || undefined;
  }

  has(...names: string[]): boolean {
    return names.every((name) => this.text(name) !== undefined);
  }

  /** @throws InputError if `name` is missing, which `because` explains */
  required(name: string, because: string): string {
    const text = this.text(name);
    if (text === undefined) throw missing(name, because);
    return text;
  }

  /** @throws InputError if the variable is not an integer from `least` to `most` */
  integer(name: string, least: number, most = 2 ** 31 - 1): number {
    const text = this.text(name) ?? '';
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const upper = most < 2 ** 31 - 1 ? `from ${least} to ${most}` : `of at least ${least}`;
    throw invalidArgument(name, `an integer ${upper}`, text);
  }
}

/**
 * The variables that describe this process; null if no launcher set any.
 *
 * @throws InputError if one launcher's variables are incomplete and no other's are complete
 */
function launcherRow(environment: Environment): Row | null {
  const rows = [TORCHRUN, OPEN_MPI, ...(srunStartedThis(environment) ? [SLURM_STEP] : []), PMI];
  const whole = rows.find((row) => environment.has(row.rank, row.size));
  if (whole) return whole;
  for (const { launcher, rank, size } of rows) {
    // A batch script of SLURM has SLURM_PROCID=0 without a step.
    if (environment.has(rank) && launcher !== 'srun') throw missing(size, `${rank} is set`);
    if (environment.has(size)) throw missing(rank, `${size} is set`);
  }
  return null;
}

/**
 * Whether srun started this process, and not only the helpers of mpiexec, which then started it: those pass on the
 * variables of their own step, which has one task per machine. srun sets PMI's variables too, to the same numbers.
 */
function srunStartedThis(environment: Environment): boolean {
  if (!environment.has(PMI.rank, PMI.size)) return true;
  return (
    environment.text(PMI.rank) === environment.text(SLURM_STEP.rank) &&
    environment.text(PMI.size) === environment.text(SLURM_STEP.size)
  );
}

function localPlace(environment: Environment, row: Row): Pick<Membership, 'localRank' | 'localSize'> {
  if (!environment.has(row.localRank) && !environment.has(row.localSize) && row !== SLURM_STEP) {
    return { localRank: 0, localSize: 1 };
  }
  environment.required(row.localRank, `${row.localSize} is set`);
  environment.required(row.localSize, `${row.localRank} is set`);
  const localRank = environment.integer(row.localRank, 0);
  const localSize = row === SLURM_STEP ? stepTasksHere(environment) : environment.integer(row.localSize, 1);
  if (localRank >= localSize) throw contradiction(environment, row.localRank, 'is not below', row.localSize);
  return { localRank, localSize };
}

/** Number of a SLURM step's tasks on this machine. */
function stepTasksHere(environment: Environment): number {
  const name = SLURM_STEP.localSize;
  const counts = tasksPerNode(name, environment.required(name, `${SLURM_STEP.size} is set`));
  if (new Set(counts).size === 1) return counts[0] as number;
  const because = `${name} has different numbers of tasks`;
  environment.required('SLURM_NODEID', because);
  return counts[environment.integer('SLURM_NODEID', 0, counts.length - 1)] as number;
}

function masterOf(environment: Environment, row: Row, allHere: boolean): Membership['master'] {
  const because = `${row.size} is ${environment.text(row.size)}`;
  const address = environment.text('MASTER_ADDR') ?? defaultAddress(environment, row, allHere);
  if (address === undefined) throw missing('MASTER_ADDR', because);
  const job = jobOf(environment);
  // Below the ports that Linux gives out itself, which begin at 32768.
  const derived = row === TORCHRUN || job === NO_JOB ? undefined : 15_000 + (hashOf(job) % 16_000);
  if (derived !== undefined && !environment.has('MASTER_PORT')) return { address, port: derived };
  environment.required('MASTER_PORT', because);
  return { address, port: environment.integer('MASTER_PORT', 1, 65_535) };
}

function defaultAddress(environment: Environment, row: Row, allHere: boolean): string | undefined {
  if (row === TORCHRUN) return undefined;
  if (allHere) return '127.0.0.1';
  const name = 'SLURM_STEP_NODELIST';
  return row === SLURM_STEP ? firstHost(name, environment.required(name, `${row.size} is set`)) : undefined;
}

const NO_JOB = 'none';

/** A name that all processes of the job have, and those of another job do not; `none` if the launcher gives none. */
function jobOf(environment: Environment): string {
  const step = environment.text('SLURM_STEP_ID') ?? environment.text('SLURM_STEPID');
  const slurm = environment.text('SLURM_JOB_ID');
  return (
    environment.text('TORCHELASTIC_RUN_ID') ??
    environment.text('PMIX_NAMESPACE') ??
    environment.text('OMPI_MCA_ess_base_jobid') ??
    (slurm !== undefined && step !== undefined ? `${slurm}.${step}` : NO_JOB)
  );
}

function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}

/**
 * Kubeflow's TrainJob sets variables for torchrun and leaves it to the container's command to start it. Without it, each
 * machine would train alone.
 */
function refuseUnstartedTrainJob(environment: Environment): void {
  const nodes = environment.text('PET_NNODES') ?? '';
  // One number, or the least and the most, as in 1:4.
  if (nodes.split(':').every((number) => !(Number(number) > 1))) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `PET_NNODES is ${nodes}, but RANK is not set: torchrun has not started this process. ` +
      'Start it with `torchrun --no-python torch-tl ...`, or unset PET_NNODES to use this machine alone.',
  );
}

function refuseContradictions(environment: Environment, expected: Record<string, number>): void {
  for (const [name, value] of Object.entries(expected)) {
    if (!environment.has(name) || environment.integer(name, 0) === value) continue;
    throw new InputError(
      'INVALID_ARGUMENT',
      `${name} is ${environment.text(name)}, but the launcher says ${value}. Unset ${name}, or correct it.`,
    );
  }
}

function missing(name: string, because: string): InputError {
  return new InputError(
    'INVALID_ARGUMENT',
    `${name} is not set, but ${because}: this process is part of a job of several, and needs it to join them. ` +
      `Set ${name}, or turn joining off.`,
    {
      atCommandLine:
        `${name} is not set, but ${because}: this process is part of a job of several, and needs it to join them. ` +
        `Set ${name}, or pass --distributed off.`,
    },
  );
}

function contradiction(environment: Environment, name: string, relation: string, other: string): InputError {
  return new InputError(
    'INVALID_ARGUMENT',
    `${name} (${environment.text(name)}) ${relation} ${other} (${environment.text(other)}). Correct them.`,
  );
}
