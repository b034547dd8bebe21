#include "bindings/convert.h"

#include <ATen/ops/empty.h>

#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "bindings/environment.h"

namespace torch_tl {
namespace {

constexpr std::array<std::pair<const char*, at::ScalarType>, 6> kTypes{{
    {"float16", at::kHalf},
    {"bfloat16", at::kBFloat16},
    {"float32", at::kFloat},
    {"float64", at::kDouble},
    {"int64", at::kLong},
    {"uint8", at::kByte},
}};

at::ScalarType type_of(const Napi::Value& value) {
  const std::string name = to_string(value);
  for (const auto& [known, type] : kTypes) {
    if (name == known) return type;
  }
  throw Napi::TypeError::New(value.Env(), "a tensor of type " + name + " is not supported");
}

const char* name_of(at::ScalarType wanted) {
  for (const auto& [name, type] : kTypes) {
    if (type == wanted) return name;
  }
  return c10::toString(wanted);
}

/** The tensor's bytes; the tensor lives until JavaScript's garbage collector frees them. */
Napi::Buffer<std::uint8_t> bytes_of(Napi::Env env, const at::Tensor& tensor) {
  auto* data = static_cast<std::uint8_t*>(tensor.data_ptr());
  const auto keep = [tensor](Napi::Env, std::uint8_t*) {};
  return Napi::Buffer<std::uint8_t>::NewOrCopy(env, data, tensor.nbytes(), keep);
}

}  // namespace

Napi::Error coded_error(Napi::Env env, const std::string& code, const std::string& message) {
  const Napi::FunctionReference& error_class = Environment::of(env).error_class;
  return {env, error_class.New({Napi::String::New(env, code), Napi::String::New(env, message)})};
}

at::Tensor BorrowedTensor::copy() const {
  at::Tensor tensor = at::empty(shape, type);
  if (size > 0) std::memcpy(tensor.data_ptr(), data, size);
  return tensor;
}

BorrowedTensor to_borrowed_tensor(const Napi::Object& value) {
  const auto dimensions = value.Get("shape").As<Napi::Array>();
  const auto data = value.Get("data").As<Napi::Uint8Array>();
  BorrowedTensor tensor{
      to_string(value.Get("name")), type_of(value.Get("dtype")), {}, data.Data(), data.ByteLength()};
  std::size_t bytes = c10::elementSize(tensor.type);
  for (std::uint32_t i = 0; i < dimensions.Length(); ++i) {
    tensor.shape.push_back(to_int(dimensions.Get(i)));
    bytes *= static_cast<std::size_t>(tensor.shape.back());
  }
  if (bytes != tensor.size) {
    throw Napi::TypeError::New(value.Env(), "tensor '" + tensor.name + "' has " +
                                                std::to_string(tensor.size) +
                                                " bytes where its shape needs " + std::to_string(bytes));
  }
  return tensor;
}

BorrowedTensor to_borrowed_tensor(const char* name, const Napi::BigInt64Array& values) {
  return {name,
          at::kLong,
          {static_cast<std::int64_t>(values.ElementLength())},
          reinterpret_cast<const std::uint8_t*>(values.Data()),
          values.ByteLength()};
}

std::vector<BorrowedTensor> to_borrowed_tensors(const Napi::Array& values) {
  std::vector<BorrowedTensor> borrowed;
  for (std::uint32_t i = 0; i < values.Length(); ++i) {
    borrowed.push_back(to_borrowed_tensor(values.Get(i).As<Napi::Object>()));
  }
  return borrowed;
}

std::vector<NamedTensor> copies(const std::vector<BorrowedTensor>& borrowed) {
  std::vector<NamedTensor> tensors;
  tensors.reserve(borrowed.size());
  for (const BorrowedTensor& tensor : borrowed) tensors.push_back({tensor.name, tensor.copy()});
  return tensors;
}

Napi::Object to_js_header(Napi::Env env, const NamedTensor& value) {
  Napi::Object object = Napi::Object::New(env);
  object["name"] = value.name;
  object["dtype"] = name_of(value.tensor.scalar_type());
  object["shape"] = to_js(env, value.tensor.sizes().vec());
  return object;
}

Napi::Object to_js(Napi::Env env, const NamedTensor& value) {
  Napi::Object object = to_js_header(env, value);
  object["data"] = bytes_of(env, value.tensor);
  return object;
}

Napi::Array to_js(Napi::Env env, const std::vector<NamedTensor>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  std::uint32_t index = 0;
  for (const NamedTensor& value : values) array[index++] = to_js(env, value);
  return array;
}

Napi::Array to_js(Napi::Env env, const std::vector<std::int64_t>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  std::uint32_t index = 0;
  for (const std::int64_t value : values) array[index++] = static_cast<double>(value);
  return array;
}

std::vector<double> to_doubles(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<double> numbers;
  for (std::uint32_t i = 0; i < array.Length(); ++i) numbers.push_back(to_double(array.Get(i)));
  return numbers;
}

std::vector<std::string> to_strings(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (std::uint32_t i = 0; i < array.Length(); ++i) strings.push_back(to_string(array.Get(i)));
  return strings;
}

std::int64_t to_int(const Napi::Value& value) {
  constexpr double kLargest = 9007199254740991;  // Number.MAX_SAFE_INTEGER
  const double number = value.As<Napi::Number>().DoubleValue();
  if (number != std::trunc(number) || !(std::abs(number) <= kLargest)) {
    throw Napi::TypeError::New(value.Env(), "expected an integer, not " + std::to_string(number));
  }
  return static_cast<std::int64_t>(number);
}

at::ScalarType to_precision(const Napi::Value& value) {
  return to_string(value) == "bf16" ? at::kBFloat16 : at::kFloat;
}

Computation to_computation(const Napi::Object& value) {
  const Napi::Value kernels = value.Get("kernels");
  const bool own_kernels = !kernels.IsString() || to_string(kernels) != "libtorch";
  return {to_precision(value.Get("precision")), own_kernels};
}

std::optional<int> to_threads(const Napi::Object& value) {
  const Napi::Value threads = value.Get("threads");
  if (!threads.IsNumber()) return std::nullopt;
  return static_cast<int>(to_int(threads));
}

at::Device to_device(const Napi::Value& value) { return {to_string(value)}; }

}  // namespace torch_tl
