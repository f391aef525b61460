// What the doctor found, in the words of the page, and what each of its buttons does.
import { basename } from 'node:path';
import type { Check, Problem } from '../../server/protocol/doctor.ts';
import { boundaryWords } from '../views/describe.ts';
import type { Page, Row } from './view/message.ts';

export type Act =
  | { readonly kind: 'command'; readonly command: string }
  /** Words of our own command line, run where the person sees it. */
  | { readonly kind: 'terminal'; readonly words: readonly string[] }
  /** A setting of the person's. */
  | { readonly kind: 'setting'; readonly name: string; readonly value: unknown }
  | { readonly kind: 'file'; readonly path: string };

export type Mend = { readonly label: string; readonly act: Act };
export type Finding = Check & { readonly mends?: readonly Mend[] };

export type Findings = {
  readonly page: Page;
  /** By the names of a row and of one of its buttons. */
  act(row: string, mend: string): Act | undefined;
  fix(row: string): string | undefined;
};

export function findingsOf(found: readonly Finding[]): Findings {
  const all = found.flatMap(apart);
  const isTrouble = ({ state, backend }: Finding) =>
    backend === undefined && (state === 'warning' || state === 'error');
  const backends = all.filter(({ backend }) => backend !== undefined);
  const sections = [
    { title: 'Needs attention', findings: worstFirst(all.filter(isTrouble)) },
    { title: 'Backends', findings: readyFirst(backends) },
    { title: 'This machine', findings: all.filter(one => one.backend === undefined && !isTrouble(one)) },
  ].filter(({ findings }) => findings.length > 0);
  const byId = new Map(all.map(finding => [finding.id, finding]));
  return {
    page: {
      summary: summaryOf(all.filter(isTrouble).length, backends),
      sections: sections.map(({ title, findings }) => ({ title, rows: findings.map(rowOf) })),
    },
    act: (row, mend) => mendsOf(byId.get(row)).find((_one, index) => String(index) === mend)?.act,
    fix: row => byId.get(row)?.fix,
  };
}

/** Problems that one check counts together are rows of their own, each with its file. */
function apart(finding: Finding): readonly Finding[] {
  const { problems = [] } = finding;
  return problems.length === 0
    ? [finding]
    : problems.map((problem, index) => partOf(finding, problem, index));
}

function partOf({ id, title, state }: Finding, { path, message, hint }: Problem, index: number): Finding {
  return {
    id: `${id}:${index}`,
    title: `${title}: ${basename(path)}`,
    state,
    detail: message,
    ...(hint === undefined ? {} : { fix: hint }),
    mends: [{ label: 'Show File', act: { kind: 'file', path } }],
  };
}

function rowOf(finding: Finding): Row {
  const { id, title, state, detail, fix, backend } = finding;
  const unproved =
    backend?.verified === 'contract'
      ? ['Tested against its published contract, not against the real thing.']
      : [];
  return {
    id,
    title,
    state,
    detail,
    badges: backend === undefined ? [] : [`${boundaryWords[backend.boundary]} boundary`],
    notes: [...(backend?.caveats ?? []), ...unproved],
    ...(fix === undefined || state === 'ok' ? {} : { fix: shown(fix) }),
    mends: mendsOf(finding).map(({ label }, index) => ({ id: String(index), label })),
  };
}

/** Programs that a fix may begin with; every other first word is one of a sentence. */
const programs = /^(heyvm|sudo|apt|apt-get|dnf|brew|npm|systemctl|mkdir|chmod) [^,;]+$/;

function shown(fix: string): NonNullable<Row['fix']> {
  const isSetting = fix.startsWith('"');
  if (isSetting || programs.test(fix)) return { kind: 'code', text: fix };
  const sentence = `${fix.charAt(0).toUpperCase()}${fix.slice(1)}`;
  return { kind: 'sentence', text: /[.!?]$/.test(sentence) ? sentence : `${sentence}.` };
}

const ofChecks: Readonly<Record<string, Mend>> = {
  'ssh-config': {
    label: 'Install SSH Configuration…',
    act: { kind: 'command', command: 'heyvm.installSshConfig' },
  },
};

function mendsOf(finding: Finding | undefined): readonly Mend[] {
  if (finding === undefined) return [];
  const { id, state, fix = '', mends = [], backend } = finding;
  if (state === 'ok')
    return backend === undefined ? mends : [{ label: 'Test It', act: testOf(backend.id) }, ...mends];
  const own = ofChecks[id];
  if (own !== undefined) return [own, ...mends];
  const words = wordsOfOurs(fix);
  return words === undefined
    ? mends
    : [{ label: 'Run in Terminal', act: { kind: 'terminal', words } }, ...mends];
}

function testOf(backend: string): Act {
  return { kind: 'terminal', words: ['test-backend', backend] };
}

/** A fix that is one command of heyvm and nothing else; others may need rights or decisions that are the person's. */
function wordsOfOurs(fix: string): readonly string[] | undefined {
  const [program, ...words] = fix.split(' ');
  const isPlain = words.length > 0 && words.every(word => /^[\w./=:@-]+$/.test(word));
  return program === 'heyvm' && isPlain && /^[a-z][a-z-]*$/.test(words[0] ?? '') ? words : undefined;
}

function summaryOf(troubles: number, backends: readonly Finding[]): string {
  const ready = backends.filter(({ state }) => state === 'ok').length;
  const first =
    troubles === 0
      ? 'Nothing needs mending'
      : `${troubles} ${troubles === 1 ? 'thing needs' : 'things need'} attention`;
  return `${first}; ${ready} of ${backends.length} backends ${ready === 1 ? 'is' : 'are'} ready.`;
}

function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((one, other) => Number(other.state === 'error') - Number(one.state === 'error'));
}

function readyFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((one, other) => Number(other.state === 'ok') - Number(one.state === 'ok'));
}
