import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LibTorchVersion } from './version.ts';

/**
 * NVIDIA's libraries in the order in which Python's torch loads them before its own (`_preload_cuda_deps` in
 * torch/__init__.py of 2.13). Without it, libcublas would load whichever libcublasLt the system has.
 */
const CUDA_LIBRARIES: ReadonlyArray<readonly [folder: string, library: string]> = [
  ['cublas', 'libcublasLt'],
  ['cublas', 'libcublas'],
  ['cudnn', 'libcudnn'],
  ['cuda_nvrtc', 'libnvrtc'],
  ['cuda_nvrtc', 'libnvrtc-builtins'],
  ['cuda_runtime', 'libcudart'],
  ['cuda_cupti', 'libcupti'],
  ['cufft', 'libcufft'],
  ['curand', 'libcurand'],
  ['nvjitlink', 'libnvJitLink'],
  ['cusparse', 'libcusparse'],
  ['cusparselt', 'libcusparseLt'],
  ['cusolver', 'libcusolver'],
  ['nccl', 'libnccl'],
  ['nvshmem', 'libnvshmem_host'],
  ['cufile', 'libcufile'],
  ['nvtx', 'libnvToolsExt'],
];

/** Absolute paths of LibTorch's own libraries that the engine needs, in loading order. */
export function ownLibraries(root: string, { cuda }: Pick<LibTorchVersion, 'cuda'>): string[] {
  const names = cuda === null ? ['c10', 'torch_cpu'] : ['c10', 'torch_cpu', 'c10_cuda', 'torch_cuda'];
  return names.map((name) => join(root, 'lib', libraryFile(name)));
}

/**
 * Absolute paths of all libraries to load before the engine, in order. For a CUDA build the list starts with NVIDIA's
 * libraries in the site-packages that contain torch. Others are found through the run paths of LibTorch's libraries (an
 * official archive has them in its lib directory).
 */
export function librariesToLoad(root: string, version: Pick<LibTorchVersion, 'cuda'>): string[] {
  return [
    ...(version.cuda === null ? [] : cudaLibraries(dirname(root), version.cuda)),
    ...ownLibraries(root, version),
  ];
}

function cudaLibraries(sitePackages: string, cuda: string): string[] {
  const cudaMajor = cuda.split('.')[0];
  return CUDA_LIBRARIES.flatMap(([folder, library]) => {
    const directories = [
      join(sitePackages, 'nvidia', folder, 'lib'),
      join(sitePackages, 'nvidia', `cu${cudaMajor}`, 'lib'),
      join(sitePackages, folder, 'lib'),
    ];
    return directories.flatMap((directory) => versionedFiles(directory, library)).slice(0, 1);
  });
}

/** Versioned files of a library, such as `libcudnn.so.9`, but not the plain `libcudnn.so` of development packages. */
function versionedFiles(directory: string, library: string): string[] {
  const isVersioned = (name: string) => name.startsWith(`${library}.so.`) && /\d$/.test(name);
  return listDirectory(directory)
    .filter(isVersioned)
    .sort()
    .map((name) => join(directory, name));
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function libraryFile(name: string): string {
  if (process.platform === 'win32') return `${name}.dll`;
  return process.platform === 'darwin' ? `lib${name}.dylib` : `lib${name}.so`;
}
