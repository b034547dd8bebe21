#pragma once

#include <functional>
#include <memory>

#include "distributed/group.h"

namespace torch_tl {

/** Whether this build has the library that joins processes. */
bool can_join();

/**
 * Joins the other processes of a job, through Gloo. Throws JoinFailed, naming the rank, address or port that
 * is at fault, and what `check` throws, which is called several times a second.
 */
std::shared_ptr<Group> join_group(const JoinOptions& options, const std::function<void()>& check);

}  // namespace torch_tl
