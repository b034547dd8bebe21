#pragma once

#include <ATen/core/Tensor.h>
#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/layers.h"

namespace torch_tl {

/** A TorchTlError of lib/errors.ts with this `code`. */
Napi::Error coded_error(Napi::Env env, const std::string& code, const std::string& message);

/** A tensor whose bytes are in a JavaScript array; the array must be kept while this is read. */
struct BorrowedTensor {
  std::string name;
  at::ScalarType type;
  std::vector<std::int64_t> shape;
  const std::uint8_t* data;
  std::size_t size;

  /** Copies the bytes, whatever their alignment, into a tensor. */
  at::Tensor copy() const;
};

/** Reads `{ name, dtype, shape, data }`; throws TypeError if data and shape disagree. */
BorrowedTensor to_borrowed_tensor(const Napi::Object& value);
/** An int64 tensor of one dimension. */
BorrowedTensor to_borrowed_tensor(const char* name, const Napi::BigInt64Array& values);

std::vector<BorrowedTensor> to_borrowed_tensors(const Napi::Array& values);
std::vector<NamedTensor> copies(const std::vector<BorrowedTensor>& borrowed);

/** `{ name, dtype, shape }` */
Napi::Object to_js_header(Napi::Env env, const NamedTensor& value);
/** Hands a tensor on the host to JavaScript without copying it. */
Napi::Object to_js(Napi::Env env, const NamedTensor& value);
Napi::Array to_js(Napi::Env env, const std::vector<NamedTensor>& values);
Napi::Array to_js(Napi::Env env, const std::vector<std::int64_t>& values);

at::ScalarType to_precision(const Napi::Value& value);
/** Reads `Computation` of lib/engine/native-computation.ts, except its threads, which belong to the job. */
Computation to_computation(const Napi::Object& value);
/** Reads the threads of a `Computation`; none leaves the number to the engine. */
std::optional<int> to_threads(const Napi::Object& value);
at::Device to_device(const Napi::Value& value);

std::vector<double> to_doubles(const Napi::Value& value);
std::vector<std::string> to_strings(const Napi::Value& value);
/** Throws TypeError unless the value is an integer that a double holds exactly. */
std::int64_t to_int(const Napi::Value& value);
inline double to_double(const Napi::Value& value) { return value.As<Napi::Number>().DoubleValue(); }
inline std::string to_string(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }

}  // namespace torch_tl
