// Lets a person choose the backend, with what each one is and what this machine lacks for it.
import * as vscode from 'vscode';
import type { BackendInfo } from '../../server/protocol/backend.ts';
import type { Helper } from '../helper.ts';

type Item = vscode.QuickPickItem & { readonly id: string; readonly fix?: string };

/** The id, or empty for the automatic choice; undefined when the person turned away. */
export async function pickBackend(helper: Helper, current: string): Promise<string | undefined> {
  const loading = helper
    .call('backend/list', { probe: true })
    .then(({ backends }) => itemsOf(backends, current));
  const chosen = await vscode.window.showQuickPick(loading, {
    title: 'Backend',
    placeHolder: 'What isolates the sandbox',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (chosen?.fix === undefined) return chosen?.id;
  void offerFix(chosen.label, chosen.fix);
  return undefined;
}

function itemsOf(backends: readonly BackendInfo[], current: string): Item[] {
  const automatic: Item = {
    label: '$(sparkle) Automatic',
    description: current === '' ? 'current' : '',
    detail: 'What the settings say, else the strongest one that is ready',
    id: '',
  };
  const ready = backends.filter(backend => backend.availability?.kind === 'ready');
  const others = backends.filter(backend => backend.availability?.kind === 'missing');
  return [
    automatic,
    ...section(
      'Ready',
      ready.map(backend => itemOf(backend, current)),
    ),
    ...section(
      'Can be set up',
      others.map(backend => itemOf(backend, current)),
    ),
  ];
}

function section(label: string, items: readonly Item[]): Item[] {
  if (items.length === 0) return [];
  return [{ label, kind: vscode.QuickPickItemKind.Separator, id: '' }, ...items];
}

function itemOf(backend: BackendInfo, current: string): Item {
  const { availability } = backend;
  const boundary = backend.capabilities.boundary;
  const base = {
    id: backend.id,
    description: [boundary, backend.id === current ? 'current' : ''].filter(Boolean).join(' · '),
  };
  if (availability?.kind === 'missing') {
    return {
      ...base,
      label: `$(circle-slash) ${backend.title}`,
      detail: `${availability.what}: ${availability.fix}`,
      fix: availability.fix,
    };
  }
  return { ...base, label: `$(check) ${backend.title}`, detail: backend.summary };
}

async function offerFix(label: string, fix: string): Promise<void> {
  const copy = 'Copy';
  const name = label.replace(/^\$\([^)]*\) /, '');
  const chosen = await vscode.window.showInformationMessage(
    `${name} is not ready. To set it up: ${fix}`,
    copy,
  );
  if (chosen === copy) await vscode.env.clipboard.writeText(fix);
}
