// The wasip2 backend: components of WebAssembly, which see what they are given and nothing else.
import type { Backend } from '../../core/backend.ts';
import { manifest } from './manifest.ts';

export const wasip2: Backend = {
  manifest,
  load: async () => (await import('./driver.ts')).driver,
  presets: async () => (await import('./presets.ts')).presets,
};
