import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LibTorchVersion } from './version.ts';

/**
 * NVIDIA's libraries as Python's torch loads them ahead of its own (`_preload_cuda_deps` in
 * torch/__init__.py of 2.13), in its order: libcublas would otherwise bring in whichever libcublasLt
 * the system has.
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

/** LibTorch's own libraries that the engine needs, in the order in which they must be loaded: absolute paths. */
export function ownLibraries(root: string, { cuda }: Pick<LibTorchVersion, 'cuda'>): string[] {
  const names = cuda === null ? ['c10', 'torch_cpu'] : ['c10', 'torch_cpu', 'c10_cuda', 'torch_cuda'];
  return names.map((name) => join(root, 'lib', libraryFile(name)));
}

/**
 * Every library to load, in order, before the engine can be: absolute paths. For a CUDA build this
 * starts with NVIDIA's libraries that stand beside torch in site-packages; those that do not are
 * left to the run paths of LibTorch's own (an official archive has them in its own lib directory).
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

/** `libcudnn.so.9` and the like, but not the bare `libcudnn.so` of development packages. */
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
