#include "bindings/group.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/environment.h"
#include "distributed/join.h"

namespace torch_tl {
namespace {

JoinOptions to_join_options(const Napi::Object& value) {
  JoinOptions options;
  options.rank = static_cast<int>(to_int(value.Get("rank")));
  options.size = static_cast<int>(to_int(value.Get("size")));
  options.local_size = static_cast<int>(to_int(value.Get("localSize")));
  options.address = to_string(value.Get("address"));
  options.port = static_cast<int>(to_int(value.Get("port")));
  options.hosts_store = value.Get("hostsStore").As<Napi::Boolean>();
  options.listening_socket = static_cast<int>(to_int(value.Get("listeningSocket")));
  options.prefix = to_string(value.Get("storePrefix"));
  options.interfaces = to_string(value.Get("interfaces"));
  options.join_timeout = std::chrono::milliseconds(to_int(value.Get("joinTimeout")));
  options.timeout = std::chrono::milliseconds(to_int(value.Get("timeout")));
  return options;
}

Napi::Value submit(const Napi::CallbackInfo& info, std::function<MakeResult()> work,
                   std::vector<Napi::Object> keep = {}) {
  const auto execute = [work = std::move(work)](JobControl& /*job*/) { return work(); };
  return Environment::of(info.Env())
      .jobs.submit(info.Env(), execute, {.callback = {}, .keep = std::move(keep)});
}

/** A collective over one HostTensor: `work` gets a copy of it, and gives what becomes of it. */
template <typename Work>
Napi::Value submit_tensor(const Napi::CallbackInfo& info, Work work) {
  const auto argument = info[0].As<Napi::Object>();
  const BorrowedTensor borrowed = to_borrowed_tensor(argument);
  return submit(info, [borrowed, work] { return work(borrowed.name, borrowed.copy().contiguous()); },
                {argument});
}

MakeResult undefined() {
  return [](Napi::Env env) { return env.Undefined(); };
}

MakeResult one(const std::string& name, const at::Tensor& values) {
  return [tensor = NamedTensor{name, values}](Napi::Env env) { return to_js(env, tensor); };
}

}  // namespace

Napi::Function GroupObject::define(Napi::Env env) {
  return DefineClass(
      env, "Group",
      {InstanceAccessor<&GroupObject::rank>("rank"), InstanceAccessor<&GroupObject::size>("size"),
       InstanceMethod<&GroupObject::sum>("sum"), InstanceMethod<&GroupObject::broadcast>("broadcast"),
       InstanceMethod<&GroupObject::gather>("gather"), InstanceMethod<&GroupObject::fail>("fail"),
       InstanceMethod<&GroupObject::leave>("leave")});
}

Napi::Value GroupObject::join(const Napi::CallbackInfo& info) {
  const JoinOptions options = to_join_options(info[0].As<Napi::Object>());
  Environment& environment = Environment::of(info.Env());
  const auto execute = [options](JobControl& job) -> MakeResult {
    auto group = join_group(options, [&job] { job.check_abort(); });
    return [group](Napi::Env env) {
      Environment& here = Environment::of(env);
      here.groups.push_back(group);
      return wrap(env, here.group_class, group);
    };
  };
  return environment.jobs.submit(info.Env(), execute, {.callback = {}});
}

std::function<Ranks(JobControl&)> GroupObject::ranks_of(const Napi::Object& options) {
  const std::shared_ptr<Group> group = is_in(options) ? value_of(options.Get("group")) : nullptr;
  return [group](JobControl& job) { return Ranks(group, [&job] { return job.aborted(); }); };
}

Napi::Value GroupObject::rank(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), value()->rank());
}

Napi::Value GroupObject::size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), value()->size());
}

Napi::Value GroupObject::sum(const Napi::CallbackInfo& info) {
  return submit_tensor(info, [group = value()](const std::string& name, const at::Tensor& values) {
    group->sum(values);
    return one(name, values);
  });
}

Napi::Value GroupObject::broadcast(const Napi::CallbackInfo& info) {
  const int root = static_cast<int>(to_int(info[1]));
  return submit_tensor(info, [group = value(), root](const std::string& name, const at::Tensor& values) {
    group->broadcast(values, root);
    return one(name, values);
  });
}

Napi::Value GroupObject::gather(const Napi::CallbackInfo& info) {
  return submit_tensor(info,
                       [group = value()](const std::string& name, const at::Tensor& values) -> MakeResult {
                         std::vector<NamedTensor> all;
                         for (at::Tensor& part : group->gather(values))
                           all.push_back({name, std::move(part)});
                         return [all](Napi::Env env) { return to_js(env, all); };
                       });
}

Napi::Value GroupObject::fail(const Napi::CallbackInfo& info) {
  return submit(info, [group = value(), reason = to_string(info[0])] {
    group->fail(reason);
    return undefined();
  });
}

Napi::Value GroupObject::leave(const Napi::CallbackInfo& info) {
  return submit(info, [group = value()] {
    group->leave();
    return undefined();
  });
}

}  // namespace torch_tl
