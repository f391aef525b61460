// What one run of an owner consists of, for the parts that lead it to its end.
import type { Paths } from '../store/paths.ts';
import type { OwnerRecord, SandboxRecord } from '../store/records.ts';
import type { Ending } from './ending.ts';
import type { Holds } from './holds.ts';
import type { Launch } from './launch.ts';
import type { Life, Mode } from './life.ts';
import type { Log } from './log.ts';
import type { Operations } from './operations.ts';
import type { StartPipe } from './startPipe.ts';
import type { StateFile } from './state.ts';

export type Run = {
  readonly paths: Paths;
  readonly record: SandboxRecord;
  readonly mode: Mode;
  /** The owner before, whose guest may still run. */
  readonly previous: OwnerRecord | undefined;
  readonly pipe: StartPipe;
  readonly abandoned: AbortSignal;
  readonly log: Log;
};

/** Everything by which one run is led to its end. */
export type Parts = {
  readonly state: StateFile;
  readonly ending: Ending;
  readonly holds: Holds;
  readonly life: Life;
  readonly operations: Operations;
  readonly idle: () => Promise<void>;
  readonly launch: Launch;
};
