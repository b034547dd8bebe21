/*
 * Sources in place of the package's own, for builds that take no minutes.
 */

/**
 * Sources that compile at once, or after some seconds, at whose beginning the file `began` is made beside them. As the
 * package's own: the loader where it is told, the engine below the LibTorch it is for.
 */
export function smallSources({ seconds = 0 } = {}): Record<string, string> {
  return {
    'CMakeLists.txt': `cmake_minimum_required(VERSION 3.20)
project(small LANGUAGES CXX)
foreach(name torch-tl-loader torch-tl-engine)
  add_library(\${name} MODULE native/small.cc)
  set_target_properties(\${name} PROPERTIES PREFIX "" SUFFIX ".node")
endforeach()
set_target_properties(torch-tl-loader PROPERTIES LIBRARY_OUTPUT_DIRECTORY "\${TORCH_TL_LOADER_DIRECTORY}")
${seconds > 0 ? afterSeconds(seconds) : ''}`,
    'native/small.cc': 'int small() { return 0; }\n',
  };
}

function afterSeconds(seconds: number): string {
  return `add_custom_target(pause
  COMMAND "\${CMAKE_COMMAND}" -E touch "\${CMAKE_SOURCE_DIR}/began"
  COMMAND "\${CMAKE_COMMAND}" -E sleep ${seconds})
add_dependencies(torch-tl-loader pause)
add_dependencies(torch-tl-engine pause)
`;
}
