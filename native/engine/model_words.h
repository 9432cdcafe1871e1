// SPDX-License-Identifier: Apache-2.0
// The words that a graph knows, found in its file: categories, labels, vocabularies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ortserve {

/// Of a serialised ModelProto: strings of attributes (NodeProto.attribute.s and .strings) and of string initializers
/// of the main graph, each once, in the order of the file; short ones, and a few hundred at most. Whatever is no ONNX
/// gives what was understood before.
std::vector<std::string> words_of_model(std::string_view bytes);

/// The same of a file; none where it cannot be read, or is too large to be worth it.
std::vector<std::string> words_of_file(const std::string& path);

}  // namespace ortserve
