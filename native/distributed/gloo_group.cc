// What needs LibTorch's c10d, in a library of its own with tcp_store.cc: not every LibTorch has it.

#include "distributed/gloo_group.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <c10/util/Logging.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <sstream>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <utility>

#include "cuda/gpu_sums.h"
#include "distributed/detached.h"
#include "distributed/local_address.h"
#include "distributed/rendezvous.h"
#include "distributed/tcp_store.h"
#include "distributed/watch.h"
#include "environment_variable.h"
#include "errors.h"
#include "sibling_library.h"

namespace torch_tl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

/** What Gloo's own clock, which watches each message, may be late by. */
constexpr seconds kLate{5};
/** For LibTorch to take a group apart whose ranks have all come to its end. */
constexpr seconds kTakeApart{5};
/** Between two questions whether a sum on a GPU has ended: little beside a step of some milliseconds. */
constexpr std::chrono::microseconds kPoll{50};
/** In which the ranks that wait for others have read why joining failed. */
constexpr milliseconds kFarewell{1500};

class GlooGroup final : public Group {
 public:
  GlooGroup(const JoinOptions& options, std::shared_ptr<TcpStore> store, std::shared_ptr<TcpStore> beats,
            c10::intrusive_ptr<c10d::Backend> backend)
      : options_(options),
        store_(store),
        kept_(std::make_unique<std::shared_ptr<TcpStore>>(store)),
        backend_(std::move(backend)),
        watch_(std::make_unique<Watch>(
            Place{options.rank, options.size, options.hosts_store, store_text(options)}, std::move(store),
            std::move(beats))) {}
  GlooGroup(const GlooGroup&) = delete;
  GlooGroup& operator=(const GlooGroup&) = delete;
  GlooGroup(GlooGroup&&) = delete;
  GlooGroup& operator=(GlooGroup&&) = delete;

  /** LibTorch waits for its threads, without a limit where a connection is broken: only leave() takes a group
   * apart. */
  ~GlooGroup() override {
    static_cast<void>(backend_.release());
    static_cast<void>(gpu_sums_.release());
    if (!left_) static_cast<void>(kept_.release());
  }

  int rank() const override { return options_.rank; }
  int size() const override { return options_.size; }

  void sum(const at::Tensor& values) override {
    if (values.is_cpu()) {
      collective([&] { await(*start_sum(values)); });
    } else if (sums_on_gpu()) {
      collective([&] { sum_on_gpu(values); });
    } else {
      const at::Tensor host =
          at::empty(values.sizes(), values.options().device(at::kCPU).pinned_memory(true));
      host.copy_(values);
      sum(host);
      values.copy_(host);
    }
  }

  void broadcast(const at::Tensor& values, int root) override {
    collective([&] {
      std::vector<at::Tensor> tensors{bytes_of(values)};
      c10d::BroadcastOptions options;
      options.rootRank = root;
      await(*backend_->broadcast(tensors, options));
    });
  }

  std::vector<at::Tensor> gather(const at::Tensor& values) override {
    std::vector<at::Tensor> gathered;
    std::vector<std::vector<at::Tensor>> outputs(1);
    for (int rank = 0; rank < size(); ++rank) {
      gathered.push_back(at::empty_like(values));
      outputs[0].push_back(bytes_of(gathered.back()));
    }
    collective([&] {
      std::vector<at::Tensor> inputs{bytes_of(values)};
      await(*backend_->allgather(outputs, inputs));
    });
    return gathered;
  }

  void fail(const std::string& reason) noexcept override {
    if (left_ || !lost_.empty()) return;
    lost_ = "this process left its job: " + reason;
    watch_->tell(reason);
  }

  void leave() noexcept override {
    if (left_ || !lost_.empty()) return;
    try {
      // Whoever leaves first must not break a connection that another rank still reads from.
      await(*start_sum(at::ones({1})));
    } catch (const std::exception&) {
      // The work is done; only the group's parts are left standing.
      lost_ = "this process left its job";
      return;
    }
    left_ = true;
    watch_.reset();
    gpu_sums_.reset();
    kept_.reset();
    auto apart = start_detached([backend = std::move(backend_), store = std::move(store_)]() mutable {
      backend.reset();
      store.reset();
    });
    ready_before(apart, Clock::now() + kTakeApart);
  }

  void interrupt() noexcept override { interrupted_ = true; }

 private:
  static at::Tensor bytes_of(const at::Tensor& values) { return values.view({-1}).view(at::kByte); }

  c10::intrusive_ptr<c10d::Work> start_sum(const at::Tensor& values) {
    std::vector<at::Tensor> tensors{values};
    return backend_->allreduce(tensors);
  }

  template <typename Run>
  void collective(Run run) {
    if (left_) throw PeerLost("this process has left its job");
    if (!lost_.empty()) throw PeerLost(lost_);
    try {
      run();
    } catch (const Aborted&) {
      throw;
    } catch (const std::exception& error) {
      lost_ = watch_->explain(reason_of(error));
      throw PeerLost(lost_);
    }
  }

  /** Waits for a collective by this process's own clock; throws what it fails with. */
  void await(c10d::Work& work) const {
    const auto done = std::make_shared<std::promise<void>>();
    work.getFuture()->addCallback([done](c10::ivalue::Future& future) {
      if (future.hasError()) {
        done->set_exception(future.exception_ptr());
      } else {
        done->set_value();
      }
    });
    std::future<void> result = done->get_future();
    if (!ready_before(result, Clock::now() + options_.timeout + kLate, [this] { check_others(); })) {
      throw PeerLost("no answer in " + seconds_text(options_.timeout));
    }
    result.get();
  }

  /** Throws where a collective will not end. */
  void check_others() const {
    if (interrupted_) throw Aborted();
    if (watch_->knows_failure()) throw PeerLost("another rank has left the job");
  }

  /** Whether all ranks have NCCL: asked of all at the first sum on a GPU. */
  bool sums_on_gpu() {
    if (!asked_for_nccl_) {
      static const SiblingLibrary library =
          open_sibling_library(reinterpret_cast<const void*>(&store_text), "torch-tl-nccl.so");
      auto* const make = library.function<MakeGpuSums>("torch_tl_make_gpu_sums");
      const at::Tensor has = at::full({1}, make == nullptr ? 0.0 : 1.0, at::kDouble);
      sum(has);
      if (has.item<double>() == size()) {
        gpu_sums_.reset(make({store_->c10d().get(), rank(), size(), options_.timeout}));
      }
      asked_for_nccl_ = true;
    }
    return gpu_sums_ != nullptr;
  }

  void sum_on_gpu(const at::Tensor& values) {
    try {
      gpu_sums_->start(values);
      const auto deadline = Clock::now() + options_.timeout;
      while (!gpu_sums_->is_done()) {
        check_others();
        if (Clock::now() > deadline) throw PeerLost("no answer in " + seconds_text(options_.timeout));
        std::this_thread::sleep_for(kPoll);
      }
    } catch (...) {
      gpu_sums_->abort();
      static_cast<void>(gpu_sums_.release());
      throw;
    }
  }

  JoinOptions options_;
  std::shared_ptr<TcpStore> store_;
  std::unique_ptr<std::shared_ptr<TcpStore>> kept_;  // for the life of the process, where it was not left
  c10::intrusive_ptr<c10d::Backend> backend_;
  std::unique_ptr<Watch> watch_;
  bool asked_for_nccl_ = false;
  std::unique_ptr<GpuSums> gpu_sums_;  // of all ranks or of none
  std::string lost_;                   // why no collective can be run any more
  bool left_ = false;
  std::atomic<bool> interrupted_ = false;
};

/** How far joining has come, for whoever stops waiting for it. */
class Progress {
 public:
  void waits_for(std::string what) {
    const std::lock_guard lock(mutex_);
    what_ = std::move(what);
  }
  std::string what() const {
    const std::lock_guard lock(mutex_);
    return what_;
  }

  /** Nobody waits for it any more. */
  std::atomic<bool> abandoned = false;

 private:
  mutable std::mutex mutex_;
  std::string what_;
};

void add_devices(c10d::ProcessGroupGloo::Options& gloo, const std::string& interfaces,
                 const std::string& address) {
  std::istringstream names(interfaces);
  for (std::string name; std::getline(names, name, ',');) {
    gloo.devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(name));
  }
  if (gloo.devices.empty()) gloo.devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address));
}

c10::intrusive_ptr<c10d::Backend> connect_ranks(const JoinOptions& options, const TcpStore& store,
                                                const std::string& address) {
  try {
    // Not create_default, which would bind to what this machine's name stands for.
    const auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout);
    add_devices(*gloo, options.interfaces, address);
    return c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("gloo", store.c10d()), options.rank, options.size, gloo);
  } catch (const std::exception& error) {
    const std::string from = options.interfaces.empty() ? address : options.interfaces;
    throw JoinFailed(rank_text(options) + " cannot connect with the others from " + from +
                     ": check the firewall, or name the network interface with GLOO_SOCKET_IFNAME (" +
                     reason_of(error) + ")");
  }
}

std::unique_ptr<Group> join_now(const JoinOptions& options, Progress& progress, Deadline deadline) {
  const std::string own_address = address_towards(options.address, options.port);
  const std::shared_ptr<TcpStore> store = open_store(options);
  progress.waits_for("the store at " + store_text(options) + " does not answer");
  announce(*store, options, own_address);
  try {
    meet(*store, options, progress.abandoned, deadline);
    progress.waits_for(rank_text(options) +
                       " cannot connect with the others: check the firewall, or name the " +
                       "network interface with GLOO_SOCKET_IFNAME");
    const std::string address = reachable_address(*store, options, own_address);
    auto group = std::make_unique<GlooGroup>(options, store,
                                             connect_to_store(options, /*hosts=*/false, options.join_timeout),
                                             connect_ranks(options, *store, address));
    group->sum(at::ones({1}));
    return group;
  } catch (const std::exception& error) {
    const std::string reason = reason_of(error);
    try {
      store->set_once("failed", reason);
    } catch (const std::exception&) {
      throw JoinFailed("the store at " + store_text(options) + " is gone: rank 0 or its machine was lost");
    }
    // The others ask twice a second.
    if (options.hosts_store) std::this_thread::sleep_for(kFarewell);
    throw JoinFailed(reason);
  }
}

/** Read when this library is loaded, which happens on the JavaScript thread; jobs have another. */
const bool kUserChoosesLogs = !environment_variable("TORCH_CPP_LOG_LEVEL").empty();

/** What LibTorch would print of lost connections, with stack traces, our errors say. TORCH_CPP_LOG_LEVEL
 * shows it. */
void quieten_libtorch() {
  constexpr int kErrors = 2;
  if (!kUserChoosesLogs) FLAGS_caffe2_log_level = std::max(FLAGS_caffe2_log_level, kErrors);
}

}  // namespace
}  // namespace torch_tl

extern "C" __attribute__((visibility("default"))) torch_tl::Group* torch_tl_join_gloo_group(
    const torch_tl::JoinOptions& options, const std::function<void()>& check) {
  using namespace torch_tl;
  quieten_libtorch();
  const auto progress = std::make_shared<Progress>();
  progress->waits_for(no_store(options));
  const Deadline deadline = Clock::now() + options.join_timeout;
  // LibTorch's own limits hold for each attempt, and not for all of joining.
  auto joined =
      start_detached([options, progress, deadline] { return join_now(options, *progress, deadline); });
  bool ended = false;
  try {
    ended = ready_before(joined, deadline + 2 * kFarewell, check);
  } catch (...) {
    // This process may end as soon as it has been told to: first the others are.
    progress->abandoned = true;
    ready_before(joined, Clock::now() + 2 * kFarewell);
    throw;
  }
  if (ended) return joined.get().release();
  progress->abandoned = true;
  throw JoinFailed(progress->what());
}
