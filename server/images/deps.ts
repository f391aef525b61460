// What work on images is given.
import type { Run } from '../core/ports.ts';
import type { Progress } from '../protocol/contract.ts';
import type { Paths } from '../store/paths.ts';
import type { Settings } from '../store/settings.ts';

/** The dependencies of the service fit, and those of an owner. */
export type ImageDeps = {
  readonly paths: Paths;
  readonly run: Run;
  /** For proxies and the credentials of registries. */
  readonly env: NodeJS.ProcessEnv;
  readonly settings: () => Settings;
};

/** What belongs to one call. */
export type ImageCall = {
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
};
