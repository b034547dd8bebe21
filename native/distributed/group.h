#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <string>
#include <vector>

namespace torch_tl {

/**
 * The processes of one job, as this one sees them. Every rank calls the same collectives in the same order,
 * with tensors of the same shape and type: contiguous, and on the CPU but for `sum`. After a call has thrown
 * PeerLost, every later one does. Calls come from one thread; `interrupt` may come from any.
 */
class Group {
 public:
  Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  Group(Group&&) = delete;
  Group& operator=(Group&&) = delete;
  virtual ~Group() = default;

  /** Number of this process, from 0. */
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /**
   * Replaces float32 or float64 values by their sum over all ranks: the same bits on every rank. Values on
   * GPUs are summed by NCCL where every rank has it, else on the CPU.
   */
  virtual void sum(const at::Tensor& values) = 0;
  /** Replaces values of any type by those of rank `root`. */
  virtual void broadcast(const at::Tensor& values, int root) = 0;
  /** The values of all ranks, in the order of ranks. */
  virtual std::vector<at::Tensor> gather(const at::Tensor& values) = 0;

  /**
   * Tells the other ranks why this one leaves them. They throw PeerLost with this reason at their next
   * collective. Where this process hosts the store, it waits some seconds for them to read it.
   */
  virtual void fail(const std::string& reason) noexcept = 0;
  /** Waits for all ranks and takes the group apart; nothing may be called afterwards. Does nothing after a
   * failure. */
  virtual void leave() noexcept = 0;
  /** Makes the collective that is running, and every later one, throw Aborted: this process is ending. */
  virtual void interrupt() noexcept = 0;
};

struct JoinOptions {
  int rank = 0;
  int size = 1;
  /** Number of ranks on this machine. */
  int local_size = 1;
  /** Host and port of the store through which the ranks find each other. */
  std::string address;
  int port = 0;
  bool hosts_store = false;
  /** For the rank that hosts the store: a socket that listens on `port` already; -1 if there is none. */
  int listening_socket = -1;
  /** Prefix of this job's keys in the store. */
  std::string prefix;
  /** Names of the network interfaces to use, separated by commas; empty for that of the route to `address`.
   */
  std::string interfaces;
  /** Longest time in which all ranks must have joined. */
  std::chrono::milliseconds join_timeout{};
  /** Longest time in which all ranks must come to a collective. */
  std::chrono::milliseconds timeout{};
};

}  // namespace torch_tl
