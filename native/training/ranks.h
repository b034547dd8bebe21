#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/share.h"
#include "distributed/group.h"

namespace torch_tl {

/**
 * The processes that go through the same images together: this one alone, or all ranks of a group. Every loop
 * over batches has equally many rounds on all ranks and ends each with a `sum`, by which all learn whether
 * one of them is to stop: so all stop after the same batch, and a lost rank is noticed within one.
 *
 * Members but `share` are collectives: every rank must call them in the same order. They throw PeerLost.
 * Alone they cost nothing.
 */
class Ranks {
 public:
  /** `group` is null for this process alone. `stop_requested` says whether this process is to stop. */
  Ranks(std::shared_ptr<Group> group, std::function<bool()> stop_requested);

  bool alone() const { return group_ == nullptr; }
  /** Whether this rank writes the files. */
  bool first() const { return share_.rank == 0; }
  const Share& share() const { return share_; }

  /**
   * Throws Aborted if this process is to stop, or PeerStopped if another one is. In a group it goes by what
   * was known at the last `sum`, and so throws on all ranks or on none.
   */
  void check_stop() const;
  /** Replaces numbers by their sums: the same bits on every rank. */
  void sum(std::span<double> numbers);
  /**
   * What rank 0 wished at the last `sum`; `wish` is its next one. For wishes that depend on a clock, and may
   * be late by a batch. Alone: `wish`. No collective.
   */
  bool wished_by_first(bool wish);
  /** The answer of rank 0. */
  bool answer_of_first(bool answer);
  /** Whether the answer of all ranks is yes. */
  bool all(bool answer);

  /** Replaces float32 values by their sums, in one piece: the same bits on every rank. */
  void sum(const std::vector<at::Tensor>& tensors);
  /** Likewise by their means over the first `first` ranks. */
  void average(const std::vector<at::Tensor>& tensors, std::int64_t first);
  /** Replaces the values of tensors of any type by those of rank `root`. */
  void broadcast(const std::vector<at::Tensor>& tensors, int root = 0);
  /** The tensors of all ranks, by rank, on the host. */
  std::vector<at::Tensor> gather(const at::Tensor& values);
  /** The texts of all ranks, by rank; each of at most 4096 bytes. */
  std::vector<std::string> gather(const std::string& text);
  /** Waits for all ranks. */
  void meet() { sum(std::span<double>()); }

 private:
  std::shared_ptr<Group> group_;
  std::function<bool()> stop_requested_;
  Share share_;
  bool asked_ = false;          // whether this process was to stop at the last sum
  bool someone_asked_ = false;  // likewise any
  bool wish_ = false;
  bool wished_ = false;
};

}  // namespace torch_tl
