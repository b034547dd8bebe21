#pragma once

#include <ATen/core/Tensor.h>
#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

/** A TorchTlError of lib/errors.ts, whose `code` programs can read. */
Napi::Error coded_error(Napi::Env env, const std::string& code, const std::string& message);

/** Bytes that live in a JavaScript Uint8Array; the array must be kept while this is read. */
struct BorrowedTensor {
  std::string name;
  at::ScalarType type;
  std::vector<std::int64_t> shape;
  const std::uint8_t* data;
  std::size_t size;

  /** Copies the bytes into a tensor, wherever they are aligned. */
  at::Tensor copy() const;
};

/** Reads `{ name, dtype, shape, data }`; throws TypeError where data and shape disagree. */
BorrowedTensor to_borrowed_tensor(const Napi::Object& value);

std::vector<BorrowedTensor> to_borrowed_tensors(const Napi::Array& values);
std::vector<NamedTensor> copies(const std::vector<BorrowedTensor>& borrowed);

/** `{ name, dtype, shape }` */
Napi::Object to_js_header(Napi::Env env, const NamedTensor& value);
/** Gives a tensor on the host to JavaScript without copying it. */
Napi::Object to_js(Napi::Env env, const NamedTensor& value);
Napi::Array to_js(Napi::Env env, const std::vector<NamedTensor>& values);
Napi::Array to_js(Napi::Env env, const std::vector<std::int64_t>& values);

at::ScalarType to_precision(const Napi::Value& value);
/** Reads all of `Computation` of lib/engine/native.ts but the threads, which are the job's. */
Computation to_computation(const Napi::Object& value);
/** Its threads; nothing where it leaves them to the engine. */
std::optional<int> to_threads(const Napi::Object& value);
at::Device to_device(const Napi::Value& value);

std::vector<double> to_doubles(const Napi::Value& value);
std::vector<std::string> to_strings(const Napi::Value& value);
/** Throws TypeError for what is no whole number, or one that a double does not hold exactly. */
std::int64_t to_int(const Napi::Value& value);
inline double to_double(const Napi::Value& value) { return value.As<Napi::Number>().DoubleValue(); }
inline std::string to_string(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }

}  // namespace torch_tl
