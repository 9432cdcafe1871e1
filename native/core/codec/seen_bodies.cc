// SPDX-License-Identifier: Apache-2.0
#include "core/codec/seen_bodies.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace ortserve {

namespace {

constexpr size_t kWords = 8;
constexpr size_t kWord = sizeof(uint64_t);

// Of its size and of words from all over the body, the first and the last among them. Whoever finds a fingerprint
// compares the rest as well, so it need not be safe from those who look for two bodies with the same.
uint64_t fingerprint(const SeenBodies::Question& question) noexcept {
  const std::span<const std::byte> body = question.body;
  const uint64_t form = static_cast<uint64_t>(question.format) << 1 | question.framed;
  std::array<uint64_t, 3 + kWords> words{question.model, form, body.size()};
  if (body.size() <= kWords * kWord) {
    if (!body.empty()) std::memcpy(&words[3], body.data(), body.size());
  } else {
    for (size_t i = 0; i < kWords; ++i) {
      std::memcpy(&words[3 + i], body.data() + i * (body.size() - kWord) / (kWords - 1), kWord);
    }
  }
  return XXH3_64bits(words.data(), sizeof words);
}

bool same(const SeenBodies::Question& a, const SeenBodies::Question& b) noexcept {
  return a.model == b.model && a.format == b.format && a.framed == b.framed && a.json_size == b.json_size &&
         a.body.size() == b.body.size() &&
         (a.body.empty() || std::memcmp(a.body.data(), b.body.data(), a.body.size()) == 0);
}

}  // namespace

const SeenBodies::Answer* SeenBodies::find(const Question& question) noexcept {
  if (places_.empty() || question.body.size() > kLongest) return nullptr;
  const uint64_t print = fingerprint(question);
  Place& place = places_[print % kPlaces];
  if (!place.known || place.fingerprint != print || !same(place.question, question)) return nullptr;
  place.candidate = 0;
  return &place.answer;
}

std::optional<size_t> SeenBodies::learn(const Question& question, const CachedResult& result) noexcept try {
  if (question.body.size() > kLongest) return std::nullopt;
  if (places_.empty()) places_.resize(kPlaces);
  const uint64_t print = fingerprint(question);
  const size_t index = print % kPlaces;
  Place& place = places_[index];
  const uint64_t whole = XXH3_64bits_withSeed(question.body.data(), question.body.size(), print);
  if (std::exchange(place.candidate, whole) != whole) return std::nullopt;
  place.known = false;
  place.body.assign(question.body.begin(), question.body.end());
  place.fingerprint = print;
  place.question = question;
  place.question.body = place.body;
  place.answer = {index, result};
  return index;
} catch (const std::bad_alloc&) {
  return std::nullopt;
}

void SeenBodies::confirm(size_t place) noexcept {
  if (place < places_.size() && places_[place].question.model != 0) places_[place].known = true;
}

void SeenBodies::forget(size_t place) noexcept {
  places_[place] = Place();
}

}  // namespace ortserve
