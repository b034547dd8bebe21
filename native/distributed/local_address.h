#pragma once

#include <string>

namespace torch_tl {

/**
 * The address of this machine from which it reaches `host`, as numbers: `10.0.0.2`. Empty where it has no
 * route there, or does not know the name. Sends nothing. What this machine's own name stands for is often
 * 127.0.1.1, where nobody else reaches it.
 */
std::string address_towards(const std::string& host, int port);

/** Whether an address, as numbers, is one where only this machine reaches itself. */
bool is_loopback(const std::string& address);

/** This machine's name. */
std::string host_name();

}  // namespace torch_tl
