// What the doctor finds in the editor itself: how windows open inside, and settings that stand in the way.
import * as vscode from 'vscode';
import { remoteSshExtension } from '../handOff/remoteSsh.ts';
import type { Finding } from './findings.ts';

type Obstacle = {
  readonly name: string;
  readonly isInTheWay: (value: unknown) => boolean;
  /** What it keeps from working. */
  readonly why: string;
  readonly instead: unknown;
  readonly label: string;
};

/** Slower machines take this long to boot. */
const BOOT_SECONDS = 60;

const obstacles: readonly Obstacle[] = [
  {
    name: 'remote.SSH.enableDynamicForwarding',
    isInTheWay: value => value === false,
    why: 'is off, so every window needs a second connection',
    instead: true,
    label: 'Switch It On',
  },
  {
    name: 'remote.SSH.enableRemoteCommand',
    isInTheWay: value => value === true,
    why: 'is on, so the editor expects a RemoteCommand, which sandboxes do not have',
    instead: false,
    label: 'Switch It Off',
  },
  {
    name: 'remote.SSH.remoteServerListenOnSocket',
    isInTheWay: value => value === true,
    why: 'is on, which guests without forwarded sockets cannot serve',
    instead: false,
    label: 'Switch It Off',
  },
  {
    name: 'remote.SSH.connectTimeout',
    isInTheWay: value => typeof value === 'number' && value < BOOT_SECONDS,
    why: `is shorter than a virtual machine may take to boot, which is ${BOOT_SECONDS} seconds`,
    instead: BOOT_SECONDS,
    label: `Set It to ${BOOT_SECONDS}`,
  },
];

export function editorFindings(): readonly Finding[] {
  const configuration = vscode.workspace.getConfiguration();
  const found = obstacles.filter(({ name, isInTheWay }) => isInTheWay(chosen(configuration, name)));
  return [windows(), ...found.map(settingFinding)];
}

/** A default is the business of the extension that has it; what a person chose may be forgotten. */
function chosen(configuration: vscode.WorkspaceConfiguration, name: string): unknown {
  const { globalValue, workspaceValue } = configuration.inspect(name) ?? {};
  return workspaceValue ?? globalValue;
}

function settingFinding({ name, why, instead, label }: Obstacle): Finding {
  return {
    id: `editor:${name}`,
    title: `Setting ${name}`,
    state: 'warning',
    detail: `It ${why}.`,
    fix: `"${name}": ${JSON.stringify(instead)}`,
    mends: [{ label, act: { kind: 'setting', name, value: instead } }],
  };
}

function windows(): Finding {
  const about = { id: 'editor:remote-ssh', title: 'Windows inside' };
  const extension = remoteSshExtension();
  if (extension !== undefined) return { ...about, state: 'ok', detail: extension };
  const detail = 'no extension for windows over ssh: a branch opens as a local window with terminals inside';
  return { ...about, state: 'absent', detail };
}
