# SPDX-License-Identifier: Apache-2.0
# Finds the C++ sources that come as npm packages: in a checkout under node_modules, in the published package under
# native/third_party (copied there when it is packed, see scripts/vendor.mjs).

function(ortserve_find_sources variable file)
  find_path(${variable} ${file}
    HINTS ${ARGN}
    PATHS ${CMAKE_SOURCE_DIR}/native/third_party
    PATH_SUFFIXES simdjson xxhash onnxruntime
    NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
  if(NOT ${variable})
    message(FATAL_ERROR "${file} not found. In a checkout, 'npm run build' installs it.")
  endif()
endfunction()

ortserve_find_sources(SIMDJSON_DIR simdjson.cpp ${CMAKE_SOURCE_DIR}/node_modules/@nozbe/simdjson/src)
add_library(simdjson STATIC ${SIMDJSON_DIR}/simdjson.cpp)
target_include_directories(simdjson SYSTEM PUBLIC ${SIMDJSON_DIR})
target_compile_definitions(simdjson PUBLIC SIMDJSON_EXCEPTIONS=0)
target_compile_features(simdjson PUBLIC cxx_std_17)

ortserve_find_sources(XXHASH_DIR xxhash.h ${CMAKE_SOURCE_DIR}/node_modules/xxhash-addon/xxHash)
add_library(xxhash INTERFACE)
target_include_directories(xxhash SYSTEM INTERFACE ${XXHASH_DIR})

set(ORT_INCLUDE_DIR "" CACHE PATH "Folder with onnxruntime_c_api.h (API 29 or later)")
ortserve_find_sources(ORT_HEADERS onnxruntime_c_api.h ${ORT_INCLUDE_DIR}
  "${CMAKE_SOURCE_DIR}/node_modules/com.github.asus4.onnxruntime/Plugins/iOS~/onnxruntime.xcframework/ios-arm64/onnxruntime.framework/Headers")
