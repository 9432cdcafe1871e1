// SPDX-License-Identifier: Apache-2.0
#include "engine/provider_check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <mutex>

#include "engine/cuda_driver.h"
#include "engine/elf_needed.h"
#include "engine/shared_library.h"

namespace ortserve {

namespace {

namespace fs = std::filesystem;

struct VendorLibrary {
  std::string_view stem;      ///< "libcudart"
  std::string_view package;   ///< NVIDIA's package, "%" for the major release
  bool follows_cuda = false;  ///< its version is CUDA's
};

// In NVIDIA's apt repositories.
constexpr auto kVendor = std::to_array<VendorLibrary>({
    {"libcudart", "cuda-cudart-%-0", true},
    {"libcublasLt", "libcublas-%-0", true},
    {"libcublas", "libcublas-%-0", true},
    {"libcurand", "libcurand-$-0"},
    {"libcufft", "libcufft-$-0"},
    {"libcudnn", "libcudnn9-cuda-$"},
    {"libnvinfer", "libnvinfer%"},
    {"libnvonnxparser", "libnvonnxparsers%"},
});

// Opened by the CUDA provider when a model first needs them.
constexpr auto kLazyCuda = std::to_array<std::string_view>({"libcudnn.so.9"});

// First driver of a CUDA release.
constexpr std::array<std::pair<int, std::string_view>, 2> kDrivers = {{{12, "525"}, {13, "580"}}};

constexpr std::string_view kDriver = "libcuda.so.1";

ProviderFault no_driver(const std::string& words) {
  return {std::string(kDriver), "there is no NVIDIA driver: " + words,
          "install the NVIDIA driver; in a container, start it with the NVIDIA container toolkit (--gpus all)"};
}

struct Soname {
  std::string_view stem;  ///< "libcudart" of "libcudart.so.13"
  int major = 0;
};

Soname parse_soname(std::string_view name) {
  const size_t mark = name.find(".so.");
  if (mark == std::string_view::npos) return {name};
  Soname soname{name.substr(0, mark)};
  const std::string_view version = name.substr(mark + 4);
  std::from_chars(version.data(), version.data() + version.size(), soname.major);
  return soname;
}

const VendorLibrary* vendor_of(std::string_view soname) {
  const auto found = std::ranges::find(kVendor, parse_soname(soname).stem, &VendorLibrary::stem);
  return found == kVendor.end() ? nullptr : &*found;
}

std::string replaced(std::string_view text, char mark, int number) {
  std::string out(text);
  if (const size_t at = out.find(mark); at != std::string::npos) out.replace(at, 1, std::to_string(number));
  return out;
}

class Checker {
 public:
  Checker(std::string_view provider, const fs::path& folder, const Machine& machine)
      : folder_(folder), machine_(machine) {
    check_.provider = provider;
  }

  ProviderCheck run() {
    if (!has_provider_files()) return std::move(check_);
    auto needed = elf_needed(provider_file());
    if (!needed.ok()) {
      fault(file_name(), needed.status().message(), "install the GPU libraries again");
      return std::move(check_);
    }
    for (const std::string& name : *needed) {
      const VendorLibrary* const vendor = vendor_of(name);
      if (vendor && vendor->follows_cuda) check_.cuda_major = parse_soname(name).major;
    }
    for (const std::string& name : *needed) {
      if (auto missing = find(name)) check_.faults.push_back(std::move(*missing));
    }
    if (check_.provider == "cuda") {
      for (const std::string_view name : kLazyCuda) {
        if (auto missing = find(std::string(name))) check_.warnings.push_back(std::move(*missing));
      }
    }
    check_driver();
    return std::move(check_);
  }

 private:
  std::string file_name() const { return "libonnxruntime_providers_" + check_.provider + ".so"; }
  fs::path provider_file() const { return folder_ / file_name(); }

  void fault(std::string library, std::string what, std::string remedy) {
    check_.faults.push_back({std::move(library), std::move(what), std::move(remedy)});
  }

  bool has_provider_files() {
    for (const std::string& name : {std::string("libonnxruntime_providers_shared.so"), file_name()}) {
      std::error_code error;
      if (fs::exists(folder_ / name, error)) continue;
      fault(name, name + " is not beside ONNX Runtime in " + folder_.string() + ": No such file or directory",
            "see docs/gpu.md for the packages that bring it");
    }
    return check_.faults.empty();
  }

  /// Nothing when the library loads.
  std::optional<ProviderFault> find(const std::string& name) const {
    std::string words = machine_.load(name);
    if (words.empty()) return std::nullopt;
    std::error_code error;
    if (const fs::path beside = folder_ / name; fs::exists(beside, error)) {
      words = machine_.load(beside.string());
      if (words.empty()) return std::nullopt;
    }
    if (name == kDriver) return no_driver(words);
    const VendorLibrary* const vendor = vendor_of(name);
    if (!vendor) return ProviderFault{name, words, "install the library, or name its folder in LD_LIBRARY_PATH"};
    const auto [stem, major] = parse_soname(name);
    std::string what = words + other_release(stem, major);
    std::string package = replaced(replaced(vendor->package, '%', major), '$', check_.cuda_major);
    return ProviderFault{name, std::move(what), "install " + package + ", or name its folder in LD_LIBRARY_PATH"};
  }

  /// "; libcudart.so.12 is there, ..." when another release of the library is installed.
  std::string other_release(std::string_view stem, int wanted) const {
    for (const int major : {wanted + 1, wanted - 1, wanted - 2}) {
      const std::string other = std::string(stem) + ".so." + std::to_string(major);
      if (major < 1 || !machine_.load(other).empty()) continue;
      return "; " + other + " is there, but these provider libraries are built for release " + std::to_string(wanted);
    }
    return "";
  }

  void check_driver() {
    const auto of_driver = [](const ProviderFault& found) { return found.library == kDriver; };
    if (std::ranges::any_of(check_.faults, of_driver)) return;
    auto version = machine_.driver_version();
    if (!version.ok()) {
      if (version.status().code() == Code::kLibraryUnavailable) {
        check_.faults.push_back(no_driver(version.status().message()));
      } else {
        fault("", version.status().message(), "run nvidia-smi on this machine");
      }
      return;
    }
    if (check_.cuda_major == 0 || version.value() / 1000 >= check_.cuda_major) return;
    const auto first = std::ranges::find(kDrivers, check_.cuda_major, &std::pair<int, std::string_view>::first);
    const std::string driver = first == kDrivers.end() ? "a newer driver" : "driver " + std::string(first->second);
    fault(std::string(kDriver),
          "the NVIDIA driver is too old: it supports CUDA " + cuda_version_text(version.value()) + " and CUDA " +
              std::to_string(check_.cuda_major) + " is needed",
          "install " + driver + (first == kDrivers.end() ? "" : " or later") +
              ", or provider libraries for an older CUDA (docs/gpu.md)");
  }

  ProviderCheck check_;
  const fs::path& folder_;
  const Machine& machine_;
};

}  // namespace

std::string ProviderCheck::text() const {
  std::string text;
  for (const ProviderFault& fault : faults) {
    if (!text.empty()) text += "; ";
    text += fault.what + " (" + fault.remedy + ")";
  }
  return text;
}

Machine Machine::here() {
  return {.load =
              [](const std::string& name) {
                const auto library = SystemLibrary::open(name);
                return library.ok() ? std::string() : library.status().message();
              },
          .driver_version = []() -> Result<int> {
            auto driver = CudaDriver::open();
            if (!driver.ok()) return driver.take_status();
            return driver->version();
          }};
}

ProviderCheck check_provider(std::string_view provider, const fs::path& folder, const Machine& machine) {
  if (provider != "cuda" && provider != "tensorrt") return {.provider = std::string(provider)};
#ifdef __linux__
  return Checker(provider, folder, machine).run();
#else  // the loader's own words have to do
  return {.provider = std::string(provider)};
#endif
}

const ProviderCheck& provider_check(const std::string& provider, const fs::path& folder) {
  static auto& mutex = *new std::mutex;
  static auto& known = *new std::map<std::pair<std::string, fs::path>, ProviderCheck>;
  const std::lock_guard lock(mutex);
  const auto key = std::pair(provider, folder);
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  return known.emplace(key, check_provider(provider, folder, Machine::here())).first->second;
}

}  // namespace ortserve
