#include "distributed/watch.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

namespace torch_tl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr seconds kBeat{1};
/** In which a rank that runs has counted up, also where it must wait for a processor. */
constexpr milliseconds kSilence{3500};
/** In which a store that can be reached has answered. */
constexpr seconds kAnswer{2};
/** In which a rank has come to its next collective, where it reads why another one left it. */
constexpr seconds kLinger{10};

/** Why the group fell apart: the first rank to know writes it. */
constexpr const char* kFailed = "failed";
/** Count of the ranks that have read it. */
constexpr const char* kRead = "read";

std::string beat_key(int rank) { return "beat/" + std::to_string(rank); }

std::string join_words(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

/** `rank 1 (process 4711 on node7)` */
std::string describe(Store& store, int rank) {
  const std::string name = "rank " + std::to_string(rank);
  return store.has(description_key(rank)) ? name + " (" + store.get(description_key(rank)) + ")" : name;
}

/** The other ranks whose counts stand still. */
std::vector<int> silent_ranks(Store& store, const Place& place) {
  std::vector<std::pair<int, std::int64_t>> waiting;
  for (int rank = 0; rank < place.size; ++rank) {
    if (rank != place.rank) waiting.emplace_back(rank, store.add(beat_key(rank), 0));
  }
  const Deadline deadline = Clock::now() + kSilence;
  while (!waiting.empty() && Clock::now() < deadline && !store.has(kFailed)) {
    std::this_thread::sleep_for(milliseconds{200});
    std::erase_if(waiting,
                  [&store](const auto& one) { return store.add(beat_key(one.first), 0) != one.second; });
  }
  std::vector<int> ranks;
  ranks.reserve(waiting.size());
  for (const auto& [rank, count] : waiting) ranks.push_back(rank);
  return ranks;
}

struct Verdict {
  std::string text;
  std::size_t silent = 0;
};

/** Reads why the group fell apart, or finds out and writes it. Runs on a thread of its own. */
Verdict judge(Store& store, const Place& place, const std::string& symptom, std::atomic<bool>& answered) {
  const bool known = store.has(kFailed);
  answered = true;
  if (known) return {store.get(kFailed)};
  const std::vector<int> silent = silent_ranks(store, place);
  // Meanwhile the rank that failed may have said why, or another one has found out.
  if (store.has(kFailed)) return {store.get(kFailed)};
  std::vector<std::string> names;
  names.reserve(silent.size());
  for (const int rank : silent) names.push_back(describe(store, rank));
  std::string text;
  if (names.empty()) {
    text = "every rank runs, but they did not all come to the same batch in time";
  } else if (names.size() == 1) {
    text = names[0] + " was lost: it has ended, is stopped or cannot be reached";
  } else {
    text = join_words(names) + " were lost: they have ended, are stopped or cannot be reached";
  }
  return {store.set_once(kFailed, text + " (" + symptom + ")"), silent.size()};
}

}  // namespace

std::string description_key(int rank) { return "description/" + std::to_string(rank); }

Watch::Watch(Place place, std::shared_ptr<Store> store, std::shared_ptr<Store> beats)
    : place_(std::move(place)), store_(std::move(store)) {
  // Detached: it may be waiting for a store that will never answer when this object ends.
  counting_ = start_detached([beats = std::move(beats), key = beat_key(place_.rank), failed = failed_,
                              stopped = stop_.get_future()] {
    do {
      beats->add(key, 1);
      *failed = beats->has(kFailed);
    } while (stopped.wait_for(kBeat) == std::future_status::timeout);
  });
}

Watch::~Watch() {
  stop_.set_value();
  ready_before(counting_, Clock::now() + kAnswer);
}

std::string Watch::explain(const std::string& symptom) {
  const auto answered = std::make_shared<std::atomic<bool>>(false);
  auto judged = start_detached([store = store_, place = place_, symptom, answered] {
    Verdict verdict = judge(*store, place, symptom, *answered);
    try {
      store->add(kRead, 1);
    } catch (const std::exception&) {
      // Whoever hosts the store has waited long enough for this rank.
      return verdict;
    }
    return verdict;
  });
  std::string unreachable =
      "the store at " + place_.store + " does not answer: rank 0 or its machine was lost (" + symptom + ")";
  const Deadline begin = Clock::now();
  try {
    if (!ready_before(judged, begin + kAnswer) && !*answered) return unreachable;
    if (!ready_before(judged, begin + kAnswer + kSilence + seconds{2})) return unreachable;
    const Verdict verdict = judged.get();
    linger(place_.size - static_cast<int>(verdict.silent));
    return verdict.text;
  } catch (const std::exception&) {
    return unreachable;
  }
}

void Watch::tell(const std::string& reason) noexcept {
  try {
    auto told = start_detached([store = store_, rank = place_.rank, reason] {
      store->set_once(kFailed, describe(*store, rank) + " failed: " + reason);
      store->add(kRead, 1);
    });
    if (ready_before(told, Clock::now() + kAnswer)) linger(place_.size);
  } catch (const std::exception&) {
    // The others will find this rank silent.
    return;
  }
}

void Watch::linger(int readers) noexcept {
  if (!place_.hosts_store) return;
  try {
    auto read = start_detached([store = store_, readers, deadline = Clock::now() + kLinger] {
      while (store->add(kRead, 0) < readers && Clock::now() < deadline) {
        std::this_thread::sleep_for(milliseconds{100});
      }
    });
    ready_before(read, Clock::now() + kLinger);
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace torch_tl
