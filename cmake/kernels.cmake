# SPDX-License-Identifier: Apache-2.0
# The loops of native/core/transform, once per instruction set. Every set must give the same bits, so that a multiplication
# is never fused with an addition; and comparisons may be vectorised, since nobody reads the floating-point exceptions.
# The tiles of native/core/solve are compiled the same way, but fuse where the instruction set can.
set(kernel_options)
set(tile_options)
if(NOT MSVC)
  set(kernel_options -ffp-contract=off -fno-math-errno -fno-trapping-math)
  set(tile_options -ffp-contract=fast -fno-math-errno -fno-trapping-math)
endif()
set_source_files_properties(native/core/transform/kernels_baseline.cc PROPERTIES COMPILE_OPTIONS "${kernel_options}")
set_source_files_properties(native/core/solve/tile_kernels_baseline.cc PROPERTIES COMPILE_OPTIONS "${tile_options}")

string(TOLOWER "${CMAKE_OSX_ARCHITECTURES};${CMAKE_SYSTEM_PROCESSOR}" processors)
if(processors MATCHES "arm64|aarch64" OR NOT processors MATCHES "x86_64|amd64")
  return()
endif()
if(MSVC)
  set(avx2 /arch:AVX2)
  set(fma)  # comes with AVX2
  set(avx512 /arch:AVX512)
else()
  set(avx2 -mavx2 -mf16c)
  set(fma -mfma)
  set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
endif()
target_sources(core PRIVATE native/core/transform/kernels_avx2.cc native/core/transform/kernels_avx512.cc)
set_source_files_properties(native/core/transform/kernels_avx2.cc PROPERTIES COMPILE_OPTIONS "${kernel_options};${avx2}")
set_source_files_properties(native/core/transform/kernels_avx512.cc PROPERTIES COMPILE_OPTIONS "${kernel_options};${avx512}")
target_sources(core PRIVATE native/core/solve/tile_kernels_avx2.cc native/core/solve/tile_kernels_avx512.cc)
set_source_files_properties(native/core/solve/tile_kernels_avx2.cc PROPERTIES COMPILE_OPTIONS "${tile_options};${avx2};${fma}")
set_source_files_properties(native/core/solve/tile_kernels_avx512.cc PROPERTIES COMPILE_OPTIONS "${tile_options};${avx512};${fma}")
target_compile_definitions(core PRIVATE ORTSERVE_X86_KERNELS)
