// SPDX-License-Identifier: Apache-2.0
// One answered wire request, as JavaScript reads it. `Completion` in src/native/binding.ts has the same layout.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ortserve {

using CompletionRecord = std::array<uint32_t, 13>;

/// Fields of a CompletionRecord.
namespace completion {
enum Field : size_t {
  kTicket,
  kCode,      ///< a Code
  kSlab,      ///< chunk index, or ReplySlab::kLarge
  kOffset,    ///< in the chunk; for kLarge the index in `large`
  kLength,    ///< bytes of the reply, or of the error message
  kJsonSize,  ///< bytes of leading JSON of a binary reply, else 0
  kIdSize,    ///< on error: bytes of the request's id, right before the message
  kQueueMicros,
  kComputeMicros,
  kRows,
  kBatchRows,
  kCache,  ///< a CacheOutcome
  kPlace,  ///< 1 + the place under which this reply may be kept, see SeenBodies; 0: it is not worth it
};
}  // namespace completion

/// An error for whose text there was no memory.
inline bool is_silent_failure(const CompletionRecord& record, uint32_t no_slab) noexcept {
  return record[completion::kCode] != 0 && record[completion::kSlab] == no_slab;
}

}  // namespace ortserve
