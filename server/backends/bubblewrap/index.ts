// The bubblewrap backend: namespaces, a seccomp filter and the host's own system, read-only.
import type { Backend } from '../../core/backend.ts';
import { manifest } from './manifest.ts';

export const bubblewrap: Backend = {
  manifest,
  load: async () => (await import('./driver.ts')).driver,
};
