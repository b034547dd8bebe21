#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "distributed/detached.h"
#include "distributed/group.h"
#include "distributed/tcp_store.h"

namespace torch_tl {

/* How the ranks of a job meet in its store, before they connect with each other. */

/** `0.5 s` */
std::string seconds_text(std::chrono::milliseconds duration);
/** `rank 1 of 3` */
std::string rank_text(const JoinOptions& options);
/** `node1:29500` */
std::string store_text(const JoinOptions& options);
/** That nobody hosts the store. */
std::string no_store(const JoinOptions& options);

/** One more connection to the job's store. Throws c10::Error. */
std::shared_ptr<TcpStore> connect_to_store(const JoinOptions& options, bool hosts,
                                           std::chrono::milliseconds timeout);
/** This rank's store or its connection to it. Throws JoinFailed, naming the address and the port. */
std::shared_ptr<TcpStore> open_store(const JoinOptions& options);
/** Says in the store that this rank is here. Throws JoinFailed where another process is here as the same
 * rank. */
void announce(Store& store, const JoinOptions& options, const std::string& own_address);
/**
 * Waits until all ranks are here. Throws JoinFailed at the deadline, naming those that are not; where one of
 * them has failed; and once nobody waits for this rank's joining.
 */
void meet(Store& store, const JoinOptions& options, const std::atomic<bool>& abandoned, Deadline deadline);
/**
 * The address at which the other ranks reach this one. Where the job's address is this machine's own name,
 * that may stand for 127.0.1.1; then it is the address towards a rank of another machine.
 */
std::string reachable_address(Store& store, const JoinOptions& options, const std::string& own_address);

}  // namespace torch_tl
