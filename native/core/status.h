// SPDX-License-Identifier: Apache-2.0
// Error codes of the native core, and the result types that carry them. Nothing here knows HTTP or JavaScript.
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace ortserve {

/// Every way a native operation can fail. `src/errors.ts` holds the same table for JavaScript; a test pins both.
enum class Code : uint8_t {
  kOk,
  kInvalidArgument,      ///< A call or an option is wrong: the caller's program must change.
  kInvalidJson,          ///< The body is not the JSON (or the binary framing) that the wire format asks for.
  kInvalidInput,         ///< Well-formed, but names, shapes, dtypes or values do not fit the model.
  kLimitExceeded,        ///< A configured bound (bytes, elements, nesting, rows) was passed.
  kUnsupported,          ///< Valid, and not available in this build or for this model.
  kQueueFull,            ///< Admission refused: the model's queue holds as many rows or bytes as allowed.
  kQueueTimeout,         ///< The request waited longer for its run, or was certain to, than its queue timeout.
  kDeadlineExceeded,     ///< The deadline passed, or was certain to pass, before the result was ready.
  kCancelled,            ///< The caller went away or cancelled.
  kModelClosed,          ///< The model was closed before the request ran.
  kOutOfMemory,          ///< A buffer limit was reached or the allocation failed.
  kRunFailed,            ///< ONNX Runtime failed while running the model on this input.
  kModelNotFound,        ///< No model file at the given path.
  kLoadFailed,           ///< The file is there and ONNX Runtime cannot make a session of it.
  kProviderUnavailable,  ///< A required execution provider cannot be used on this machine.
  kLibraryUnavailable,   ///< The ONNX Runtime library is missing or its API is too old.
  kNotFound,             ///< No shared memory region of that name.
  kSingular,             ///< The equations to be solved have no unique solution.
  kInternal,             ///< This is a bug in ortserve.
};

inline constexpr int kCodeCount = static_cast<int>(Code::kInternal) + 1;

/// The stable name users see, such as "ERR_QUEUE_FULL".
std::string_view code_name(Code code) noexcept;

/// Success, or a code with a message that says what was expected and what came.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const noexcept { return code_ == Code::kOk; }
  Code code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

/// A value, or the Status that explains why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) { assert(!this->status().ok()); }
  Result(Code code, std::string message) : Result(Status(code, std::move(message))) {}

  bool ok() const noexcept { return state_.index() == 0; }
  const Status& status() const { return std::get<1>(state_); }
  Status take_status() { return std::move(std::get<1>(state_)); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  T* operator->() { return &value(); }

 private:
  std::variant<T, Status> state_;
};

#define ORTSERVE_RETURN_IF_ERROR(expr)   \
  do {                                   \
    ::ortserve::Status status_ = (expr); \
    if (!status_.ok()) return status_;   \
  } while (false)

}  // namespace ortserve
