# For those who only know node-gyp (`npx node-gyp rebuild`): the build itself is CMake's.
{
  'targets': [{
    'target_name': 'torch-tl',
    'type': 'none',
    'actions': [{
      'action_name': 'build',
      'inputs': ['CMakeLists.txt'],
      'outputs': ['<(PRODUCT_DIR)/torch-tl-loader.node'],
      'action': ['node', 'bin/torch-tl.js', 'build'],
    }],
  }],
}
