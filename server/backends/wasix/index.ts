// The wasix backend: programs of WebAssembly with WASI or WASIX, run by @wasmer/sdk in a process of their own.
import type { Backend } from '../../core/backend.ts';
import { manifest } from './manifest.ts';

export const wasix: Backend = {
  manifest,
  load: async () => (await import('./driver.ts')).driver,
};
