// heyvm backends: prints the ways to run a sandbox.
import { fail } from '../../core/errors.ts';
import type { BackendInfo } from '../../protocol/backend.ts';
import type { Context } from '../command.ts';
import { type Output, printable } from '../output.ts';
import { type Cell, fields, table } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  if (args.flag('probe') && args.flag('no-probe')) fail('usage', '--probe and --no-probe exclude each other');
  const probe = args.flag('probe') || (out.format === 'text' && !args.flag('no-probe'));
  const id = args.optional('backend');
  const { backends } = await call('backend/list', { probe, ...(id === undefined ? {} : { id }) });
  const [only] = backends;
  out.result(backends, () =>
    id !== undefined && only !== undefined ? detailText(out, only) : listText(out, backends),
  );
}

function listText(out: Output, backends: readonly BackendInfo[]): string {
  const rows = backends.map(backend => [
    backend.id,
    backend.capabilities.boundary,
    backend.verified,
    availabilityCell(backend),
  ]);
  return table(out, ['BACKEND', 'BOUNDARY', 'VERIFIED', 'ON THIS MACHINE'], rows);
}

function availabilityCell({ availability }: BackendInfo): Cell {
  switch (availability?.kind) {
    case undefined:
      return { text: 'not probed', style: 'dim' };
    case 'ready':
      return availability.capabilities.emulated === true
        ? { text: `ready, but slow: ${availability.version} emulates the processor`, style: 'yellow' }
        : { text: `ready: ${availability.version}`, style: 'green' };
    case 'missing':
      return { text: `missing: ${availability.what}; ${availability.fix}`, style: 'yellow' };
    case 'unsupported':
      return { text: `unsupported: ${availability.why}`, style: 'dim' };
  }
}

function detailText(out: Output, backend: BackendInfo): string {
  const { availability } = backend;
  const holds = availability?.kind === 'ready' ? availability.capabilities : backend.capabilities;
  const cell = availabilityCell(backend);
  const resources = Object.entries(holds.resources).map(([name, enforcement]) => `${name} ${enforcement}`);
  const facts = fields(out.paint, [
    [
      'backend',
      backend.aliases.length === 0 ? backend.id : `${backend.id} (also ${backend.aliases.join(', ')})`,
    ],
    ['what', backend.summary],
    ['here', typeof cell === 'string' ? cell : cell.text],
    ['boundary', holds.boundary],
    ['verified', backend.verified === 'real' ? 'against the real thing' : "against the vendor's contract"],
    ['workspace', holds.workspace],
    ['git', holds.git.join(', ')],
    ['network', holds.network.join(', ')],
    ['runtimes', holds.runtimes.join(', ')],
    ['limits', resources.join(', ')],
    ['snapshots', holds.snapshots],
    ['editor', holds.editor ? 'VS Code Server can run inside' : 'VS Code Server cannot run inside'],
  ]);
  const notes = availability?.kind === 'ready' ? availability.notes : [];
  const remarks = [...notes, ...holds.caveats].map(text => `  * ${printable(text)}`);
  return remarks.length === 0 ? facts : [facts, out.paint('bold', 'Know this'), ...remarks].join('\n');
}
