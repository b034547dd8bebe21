#include "distributed/rendezvous.h"

#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <thread>
#include <vector>

#include "distributed/local_address.h"
#include "distributed/watch.h"
#include "errors.h"

namespace torch_tl {
namespace {

using std::chrono::milliseconds;

std::string rank_key(int rank) { return "rank/" + std::to_string(rank); }
std::string address_key(int rank) { return "address/" + std::to_string(rank); }

/** `ranks 2, 5 and 6`, and of many only the first. */
std::string missing_ranks(Store& store, const JoinOptions& options) {
  constexpr int kNamed = 8;
  std::vector<int> missing;
  for (int rank = 0; rank < options.size; ++rank) {
    if (!store.has(rank_key(rank))) missing.push_back(rank);
  }
  const int count = static_cast<int>(missing.size());
  std::string text = count == 1 ? "rank " : "ranks ";
  for (int i = 0; i < std::min(count, kNamed); ++i) text += (i == 0 ? "" : ", ") + std::to_string(missing[i]);
  if (count > kNamed) text += " and " + std::to_string(count - kNamed) + " more";
  return text;
}

}  // namespace

std::string seconds_text(milliseconds duration) {
  std::ostringstream text;
  text << std::chrono::duration<double>(duration).count() << " s";
  return text.str();
}

std::string rank_text(const JoinOptions& options) {
  return "rank " + std::to_string(options.rank) + " of " + std::to_string(options.size);
}

std::string store_text(const JoinOptions& options) {
  return options.address + ":" + std::to_string(options.port);
}

std::shared_ptr<TcpStore> connect_to_store(const JoinOptions& options, bool hosts, milliseconds timeout) {
  return std::make_shared<TcpStore>(TcpStore::Options{options.address, options.port, hosts,
                                                      options.listening_socket, options.prefix, timeout});
}

std::string no_store(const JoinOptions& options) {
  return rank_text(options) + " finds no job at MASTER_ADDR " + options.address + ", MASTER_PORT " +
         std::to_string(options.port) + " in " + seconds_text(options.join_timeout) +
         ": start rank 0 too, and check both variables and the firewall";
}

std::shared_ptr<TcpStore> open_store(const JoinOptions& options) {
  try {
    return connect_to_store(options, options.hosts_store, options.join_timeout);
  } catch (const std::exception& error) {
    const std::string reason = reason_of(error);
    if (!options.hosts_store) throw JoinFailed(no_store(options) + " (" + reason + ")");
    throw JoinFailed("rank 0 cannot listen on MASTER_PORT " + std::to_string(options.port) +
                     ": another program, or an earlier job, has it; give every rank another one (" + reason +
                     ")");
  }
}

void announce(Store& store, const JoinOptions& options, const std::string& own_address) {
  if (store.add(rank_key(options.rank), 1) > 1) {
    throw JoinFailed("another process has joined this job as " + rank_text(options) +
                     ": give each process a RANK of its own, or each job another MASTER_PORT");
  }
  store.set(address_key(options.rank), own_address);
  store.set(description_key(options.rank), "process " + std::to_string(getpid()) + " on " + host_name());
}

void meet(Store& store, const JoinOptions& options, const std::atomic<bool>& abandoned, Deadline deadline) {
  milliseconds pause{10};
  for (std::int64_t here = store.add("here", 1); here < options.size; here = store.add("here", 0)) {
    if (abandoned) throw JoinFailed(rank_text(options) + " was stopped before all had joined");
    if (store.has("failed")) throw JoinFailed(store.get("failed"));
    if (std::chrono::steady_clock::now() >= deadline) {
      throw JoinFailed(missing_ranks(store, options) + " of " + std::to_string(options.size) +
                       " did not join at " + store_text(options) + " within " +
                       seconds_text(options.join_timeout));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, milliseconds{500});
  }
}

std::string reachable_address(Store& store, const JoinOptions& options, const std::string& own_address) {
  if (!is_loopback(own_address) || options.local_size == options.size) return own_address;
  for (int rank = 0; rank < options.size; ++rank) {
    const std::string other = store.get(address_key(rank));
    if (other.empty() || is_loopback(other)) continue;
    const std::string address = address_towards(other, options.port);
    return address.empty() ? own_address : address;
  }
  return own_address;
}

}  // namespace torch_tl
