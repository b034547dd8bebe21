/*
 * The part of the native engine's interface that joins the processes of one job.
 */

import type { Job } from './native.ts';
import type { HostTensor } from './native-computation.ts';

export interface JoinOptions {
  /** Number of this process, from 0. */
  rank: number;
  /** Number of processes. */
  size: number;
  /** Number of processes on this machine. */
  localSize: number;
  /** Host and port of the store through which the processes find each other. */
  address: string;
  port: number;
  /** Whether this process hosts the store. */
  hostsStore: boolean;
  /** For the process that hosts it: a file descriptor that listens on `port` already; -1 if there is none. */
  listeningSocket: number;
  /** Prefix of the job's keys in the store. */
  storePrefix: string;
  /** Names of the network interfaces to use, separated by commas; empty for that of the route to `address`. */
  interfaces: string;
  /** Longest time in milliseconds in which all processes must have joined. */
  joinTimeout: number;
  /** Longest time in milliseconds in which all processes must come to a collective. */
  timeout: number;
}

/**
 * The processes of one job. All ranks must call `sum`, `broadcast` and `gather` in the same order, with tensors of the
 * same shape and type. These reject with `PEER_LOST`, naming rank and reason, if another rank ends, fails or does not
 * come within `timeout`; every later call does so too. `abort()` does not stop them, since the others would wait.
 */
export interface NativeGroup {
  readonly rank: number;
  readonly size: number;
  /** The sum over all ranks of a float32 or float64 tensor: the same bits on every rank. */
  sum(tensor: HostTensor): Job<HostTensor>;
  /** The tensor of rank `root`. */
  broadcast(tensor: HostTensor, root: number): Job<HostTensor>;
  /** The tensors of all ranks, in the order of ranks. */
  gather(tensor: HostTensor): Job<HostTensor[]>;
  /** Tells the other ranks why this one leaves them; they reject with `PEER_LOST` and this reason. Never rejects. */
  fail(reason: string): Job<void>;
  /** Waits for all ranks and ends the group. Never rejects. */
  leave(): Job<void>;
}
