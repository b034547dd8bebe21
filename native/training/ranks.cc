#include "training/ranks.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "errors.h"
#include "training/flat.h"

namespace torch_tl {
namespace {

constexpr std::int64_t kTextSize = 4096;

at::Tensor on_host(const at::Tensor& tensor) { return tensor.detach().to(at::kCPU).contiguous(); }

}  // namespace

Ranks::Ranks(std::shared_ptr<Group> group, std::function<bool()> stop_requested)
    : group_(std::move(group)), stop_requested_(std::move(stop_requested)) {
  if (group_) share_ = {group_->rank(), group_->size()};
}

void Ranks::check_stop() const {
  if (alone() ? stop_requested_() : asked_) throw Aborted();
  if (someone_asked_) throw PeerStopped();
}

void Ranks::sum(std::span<double> numbers) {
  if (alone()) return;
  const std::size_t count = numbers.size();
  const at::Tensor values = at::zeros({static_cast<std::int64_t>(count) + 2}, at::kDouble);
  const std::span all(values.mutable_data_ptr<double>(), count + 2);
  std::copy(numbers.begin(), numbers.end(), all.begin());
  asked_ = stop_requested_();
  all[count] = asked_ ? 1 : 0;
  all[count + 1] = first() && wish_ ? 1 : 0;
  group_->sum(values);
  std::copy_n(all.begin(), count, numbers.begin());
  someone_asked_ = all[count] > 0;
  wished_ = all[count + 1] > 0;
}

bool Ranks::wished_by_first(bool wish) {
  if (alone()) return wish;
  const bool granted = std::exchange(wished_, false);
  wish_ = wish && !granted;
  return granted;
}

bool Ranks::answer_of_first(bool answer) {
  if (alone()) return answer;
  const at::Tensor value = at::full({1}, answer ? 1 : 0, at::kByte);
  group_->broadcast(value, 0);
  return value.item<std::uint8_t>() != 0;
}

bool Ranks::all(bool answer) {
  double yes = answer ? 1 : 0;
  sum({&yes, 1});
  return yes == static_cast<double>(share_.size);
}

void Ranks::sum(const std::vector<at::Tensor>& tensors) {
  if (alone() || tensors.empty()) return;
  const at::NoGradGuard no_grad;
  const at::Tensor summed = flat(tensors);
  group_->sum(summed);
  copy_flat(summed, tensors);
}

void Ranks::average(const std::vector<at::Tensor>& tensors, std::int64_t first) {
  if (alone()) return;
  const at::NoGradGuard no_grad;
  if (share_.rank >= first) {
    for (const at::Tensor& tensor : tensors) tensor.detach().zero_();
  }
  sum(tensors);
  for (const at::Tensor& tensor : tensors) tensor.detach().div_(static_cast<double>(first));
}

void Ranks::broadcast(const std::vector<at::Tensor>& tensors, int root) {
  if (alone() || tensors.empty()) return;
  const at::NoGradGuard no_grad;
  std::size_t total = 0;
  for (const at::Tensor& tensor : tensors) total += tensor.nbytes();
  const at::Tensor bytes = at::empty({static_cast<std::int64_t>(total)}, at::kByte);
  auto* next = bytes.mutable_data_ptr<std::uint8_t>();
  const bool is_root = share_.rank == root;
  if (is_root) {
    for (const at::Tensor& tensor : tensors) {
      std::memcpy(next, on_host(tensor).const_data_ptr(), tensor.nbytes());
      next += tensor.nbytes();
    }
  }
  group_->broadcast(bytes, root);
  if (is_root) return;
  for (const at::Tensor& tensor : tensors) {
    const at::Tensor host = at::empty(tensor.sizes(), tensor.scalar_type());
    std::memcpy(host.mutable_data_ptr(), next, host.nbytes());
    tensor.detach().copy_(host);
    next += host.nbytes();
  }
}

std::vector<at::Tensor> Ranks::gather(const at::Tensor& values) {
  const at::Tensor host = on_host(values);
  if (alone()) return {host};
  return group_->gather(host);
}

std::vector<std::string> Ranks::gather(const std::string& text) {
  if (text.size() > kTextSize) throw std::invalid_argument("a text for the other ranks is too long: " + text);
  const at::Tensor own = at::zeros({kTextSize}, at::kByte);
  std::memcpy(own.mutable_data_ptr(), text.data(), text.size());
  std::vector<std::string> texts;
  for (const at::Tensor& one : gather(own)) {
    const std::string padded(static_cast<const char*>(one.const_data_ptr()), kTextSize);
    texts.push_back(padded.substr(0, padded.find('\0')));
  }
  return texts;
}

}  // namespace torch_tl
