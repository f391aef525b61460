// What a backend consists of: a manifest that is data, and a driver that is loaded only when it is needed.
import type * as z from 'zod/mini';
import type {
  Availability,
  Capabilities,
  NetworkMode,
  Runtime,
  SandboxType,
  Verified,
} from '../protocol/backend.ts';
import type { Progress } from '../protocol/contract.ts';
import type { Limits, Mount, SandboxId } from '../protocol/sandbox.ts';
import type { Guest } from './guest.ts';
import type { ResolvedImage } from './image.ts';
import type { Run } from './ports.ts';
import type { ProjectPreset } from './projectPreset.ts';

/** What a sandbox is made for when nobody names a backend; each has its own order of preference. */
export type Purpose = 'worktree' | 'throwaway';

export type Manifest = {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly title: string;
  readonly summary: string;
  readonly hosts: readonly { platform: NodeJS.Platform; arch: readonly string[] }[];
  /** The ceiling; a probe may take back, never add. */
  readonly capabilities: Capabilities;
  readonly verified: z.output<typeof Verified>;
  /** The higher, the earlier this backend is tried when the person lets heyvm choose; zero is never. */
  readonly rank: Readonly<Record<Purpose, number>>;
  /** The schema of `backends.<id>` in the settings. */
  readonly options: () => z.ZodMiniType;
  /** What its guests run from when neither the person nor the settings name an image. */
  readonly defaultImage?: string;
  /** What the names of the bundled programs begin with in which its guests run; owners get a copy of those. */
  readonly runners?: readonly string[];
  /** The one of them in which every guest runs that has no limit of memory, with its flags: owners start it ahead. */
  readonly ahead?: { readonly name: string; readonly flags: readonly string[] };
  /** Variables of the caller that its driver reads, which are passed on to owners. */
  readonly environment?: readonly string[];
};

/** Everything a driver needs to know to make one guest; resolved, checked and complete. */
export type LaunchRequest = {
  readonly id: SandboxId;
  readonly name: string;
  readonly type: SandboxType;
  readonly runtime: Runtime;
  readonly image?: ResolvedImage | undefined;
  /** The name of whom programs run as; see `userOf`. */
  readonly user?: string | undefined;
  /** The folder of the host that the guest sees at /workspace. */
  readonly workspace: string;
  /** In this order, later ones over earlier ones; begins with the workspace itself. */
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  readonly network: NetworkMode;
  readonly limits: Limits;
  /** Whose the workspace is on the host, and whom files made inside have to belong to. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Already parsed with the manifest's `options`. */
  readonly options: unknown;
  /** Never start from a prepared template. */
  readonly cold: boolean;
  /** What `snapshots.take` answered: a new sandbox begins as a copy of that moment. */
  readonly from?: Ref | undefined;
};

export type DriverContext = {
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly progress: (progress: Progress) => void;
  readonly run: Run;
  /** The sandbox's own folder in the store; the driver may keep files below it. */
  readonly state: string;
  /** A short folder for sockets, 0700, never visible to a guest. */
  readonly runtime: string;
  /** The static program that runs inside Linux guests, for this machine's architecture. */
  readonly agent: string;
  /** A folder of this backend for what its sandboxes share; everything in it can be made again. */
  readonly cache: string;
  /** Tells the things of this store from those of others in the same engine; letters and digits. */
  readonly storeId: string;
  /** Already parsed with the manifest's `options`. */
  readonly options: unknown;
  /** Of the key pair of this store, for guests with an ssh server of their own; made when it is first asked for. */
  readonly publicKey: () => Promise<string>;
};

/** For what concerns no single sandbox. */
export type MachineContext = Omit<DriverContext, 'state' | 'runtime' | 'progress'> & {
  /** Whether a stored image or a sandbox still has this digest; where it is left out, every image is needed. */
  readonly isImageNeeded?: (digest: string) => Promise<boolean>;
};

/** Something that was left behind: what could not be removed, or of a sweep what was. */
export type Residue = { what: string; path: string; bytes?: number };

/** JSON by which any process finds the driver's thing again. */
export type Ref = Readonly<Record<string, unknown>>;

export type Condition = 'running' | 'paused' | 'stopped' | 'gone';

/** All operations may be repeated, and none trusts memory over the world. */
export type Driver = {
  /** Answers within seconds by executing something; absence is an answer. */
  probe(context: MachineContext): Promise<Availability>;
  /** Makes what outlives a stop; twice for one id gives the same ref. */
  create(context: DriverContext, request: LaunchRequest): Promise<Ref>;
  /** Starts the guest or attaches to it, and answers when it can run programs. */
  open(context: DriverContext, ref: Ref, request: LaunchRequest): Promise<Guest>;
  inspect(context: DriverContext, ref: Ref): Promise<Condition>;
  /** Ends by force a guest that cannot be attached to; present where guests outlive their owner. */
  halt?(context: DriverContext, ref: Ref): Promise<void>;
  /** Also of something half made; empty when nothing is left. */
  destroy(context: DriverContext, ref: Ref): Promise<readonly Residue[]>;
  /** Removes what carries our mark and belongs to none of the living; says what that was. */
  sweep(context: MachineContext, living: ReadonlySet<string>): Promise<readonly Residue[]>;
  /** Options of engines where something of this store may lie, though no sandbox and no setting names them any more. */
  elsewhere?(context: MachineContext): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Present exactly when the capability `pause` says so, as the others with theirs. */
  readonly pausing?: Pausing;
  readonly suspending?: Suspending;
  readonly snapshots?: Snapshots;
};

/** Programs inside stand still and go on; repeated calls change nothing. */
export type Pausing = {
  pause(context: DriverContext, ref: Ref): Promise<void>;
  resume(context: DriverContext, ref: Ref): Promise<void>;
};

/** Writes a running guest to disk and ends it; the next `open` goes on where it was. */
export type Suspending = {
  suspend(context: DriverContext, ref: Ref, guest: Guest): Promise<void>;
};

export type Snapshots = {
  /** Keeps what the sandbox is now; a running guest, given as `guest`, goes on. */
  take(context: DriverContext, ref: Ref, options: TakeOptions): Promise<Snapshot>;
  /** Puts a stopped sandbox back; answers its new ref. */
  restore(context: DriverContext, ref: Ref, snapshot: Ref): Promise<Ref>;
  drop(context: MachineContext, snapshot: Ref): Promise<readonly Residue[]>;
  /** Removes what was taken of this sandbox, in part or whole, and is none of `kept`. */
  tidy(context: DriverContext, ref: Ref, kept: readonly Ref[]): Promise<readonly Residue[]>;
};

export type TakeOptions = {
  readonly name: string;
  readonly guest?: Guest | undefined;
  /** Whether running programs are wanted in it; where that is impossible now, the answer says why. */
  readonly memory: 'wanted' | 'unwanted';
};

export type Snapshot = {
  readonly ref: Ref;
  readonly memory: boolean;
  /** Why running programs are not part of it though they were wanted. */
  readonly why?: string;
};

export type Backend = {
  readonly manifest: Manifest;
  readonly load: () => Promise<Driver>;
  /** Projects that only this backend runs, for `init`. */
  readonly presets?: () => Promise<readonly ProjectPreset[]>;
};
