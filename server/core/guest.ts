// What runs inside a sandbox, as the owner sees it; every driver ends in one of these.
import type { Duplex, Readable, Writable } from 'node:stream';
import type { DialTarget, ExecRequest, ExitStatus, SignalName, TerminalSize } from '../protocol/exec.ts';
import type { WorkspaceMode } from '../protocol/sandbox.ts';

export type GuestProcess = {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty when the process has a terminal. */
  readonly stderr: Readable;
  /** Resolves after the last output was delivered to the streams' buffers; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Reaches the whole process group; a process that has ended is not an error. */
  signal(name: SignalName): Promise<void>;
  /** Has no effect without a terminal. */
  resize(size: TerminalSize): Promise<void>;
  /** Gives up interest: the guest hangs the process group up. */
  hangUp(): void;
};

export type ListeningPort = { port: number; address: string };

export type GuestEnd =
  | { kind: 'stopped'; forced: boolean }
  /** `lost` when it may run on, and only whoever keeps it does not answer. */
  | { kind: 'died'; reason: string; lost?: boolean };

export type Guest = {
  /** Fails with `path-not-found` when the program or the folder does not exist. */
  exec(request: ExecRequest): Promise<GuestProcess>;
  /** A byte stream to a port or socket inside; half-close is passed on. */
  dial(target: DialTarget): Promise<Duplex>;
  /** An SFTP (version 3) server that runs inside and sees only what the guest sees. */
  sftp(): Promise<Duplex>;
  listeningPorts(): Promise<readonly ListeningPort[]>;
  /** Asks, then forces after `graceMs`. Repeated calls answer the same. */
  stop(options: { graceMs: number }): Promise<GuestEnd>;
  /** How it really sees /workspace, where that is not as the manifest says. */
  readonly workspace?: WorkspaceMode;
  /** Resolves when the guest has ended, for whatever reason; never rejects. */
  readonly ended: Promise<GuestEnd>;
};
