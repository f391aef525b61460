// What the handlers of the service are given, and what one call carries.
import type { Purpose } from '../core/backend.ts';
import type { Run } from '../core/ports.ts';
import type { Expected } from '../owner/candidate.ts';
import type { Bundle } from '../platform/bundle.ts';
import type { Call, Progress } from '../protocol/contract.ts';
import type { Problem } from '../protocol/doctor.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { PublishedPort, SandboxInfo, SandboxSpec, Throwaway, WorktreeRef } from '../protocol/sandbox.ts';
import type { Paths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import type { Entry } from '../store/sandboxes.ts';
import type { Settings } from '../store/settings.ts';

/** What belongs to one call: how it is cancelled and where its progress goes. */
export type CallContext = {
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  /** An agent asks, and nobody may be looking: only repositories of these folders are opened. */
  readonly agent?: { readonly folders: readonly string[]; readonly tools: 'all' | 'reads' } | undefined;
};

/** A way to call the service, for a person or for an agent. */
export type CallFor = (agent: CallContext['agent']) => Call<HelperContract, AbortSignal>;

export type StartOptions = {
  /** Published from now on, in the place of those that it has. */
  readonly ports?: readonly PublishedPort[] | undefined;
  readonly cold?: boolean | undefined;
};

export type CreateRequest = {
  readonly spec: SandboxSpec;
  /** Decides which backends are preferred when nobody names one. */
  readonly purpose: Purpose;
  /** The worktree that is shown at /workspace; git works inside as the backend allows. */
  readonly worktree?: WorktreeRef | undefined;
  readonly throwaway?: Throwaway | undefined;
  readonly project?: SandboxRecord['project'];
};

/** What can be done with sandboxes; every other noun builds on these. */
export type Sandboxes = {
  /** All of them, after the remains of crashes were tidied up. */
  readonly list: () => Promise<{ entries: readonly Entry[]; problems: readonly Problem[] }>;
  /** By id or name; fails with `sandbox-not-found` and suggestions. */
  readonly find: (idOrName: string) => Promise<Entry>;
  readonly toInfo: (entry: Entry) => SandboxInfo;
  /** Makes and starts it. Cancelled or failed, nothing of it is left. */
  readonly create: (request: CreateRequest, context: CallContext) => Promise<Entry>;
  /** A running one is left as it is. */
  readonly start: (id: string, context: CallContext, options?: StartOptions) => Promise<Entry>;
  readonly stop: (
    id: string,
    options: { graceMs?: number | undefined },
    context: CallContext,
  ) => Promise<Entry>;
  /** Never touches a worktree. */
  readonly remove: (id: string, options: { force: boolean }, context: CallContext) => Promise<void>;
};

export type ServiceDeps = {
  readonly paths: Paths;
  readonly env: NodeJS.ProcessEnv;
  readonly run: Run;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly bundle: Bundle;
  /** An owner that was started when nothing was known but that one would be needed. */
  readonly early?: Expected | undefined;
  /** Read once for each call, so that a change counts at once. */
  readonly settings: () => Settings;
  readonly sandboxes: Sandboxes;
};

/** For the operations on sandboxes themselves, which the rest builds on. */
export type BaseDeps = Omit<ServiceDeps, 'sandboxes'>;
