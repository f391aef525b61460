// The docker backend: containers of any engine that speaks Docker's API and sees the files of this machine.
import type { Backend } from '../../core/backend.ts';
import { manifest } from './manifest.ts';

export const docker: Backend = {
  manifest,
  load: async () => (await import('./driver.ts')).driver,
};
