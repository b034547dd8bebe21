#pragma once

#include <functional>

#include "distributed/group.h"

namespace torch_tl {

/**
 * The function that torch-tl-gloo exports as `torch_tl_join_gloo_group`: joins the other ranks; the group is
 * the caller's. Throws JoinFailed, and what `check` throws, which is called several times a second.
 */
using JoinGlooGroup = Group*(const JoinOptions& options, const std::function<void()>& check);

}  // namespace torch_tl
