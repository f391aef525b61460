// Picks the backend for a sandbox and says why: what the person named, what the settings say, or the strongest ready one.
import type { Availability } from '../protocol/backend.ts';
import type { Backend, Manifest, Purpose } from './backend.ts';
import { fail } from './errors.ts';
import { nearest } from './nearest.ts';

export type Wish = {
  /** An id or alias from the command line or a form. */
  readonly explicit?: string | undefined;
  /** `backend_type` of the settings. */
  readonly setting?: string | undefined;
  readonly purpose: Purpose;
  readonly host: { readonly platform: string; readonly arch: string };
  /** The image that would have to be fetched before a guest of this backend can start. */
  readonly missingImage?: (backend: Backend) => Promise<string | undefined>;
};

export type Ready = Extract<Availability, { kind: 'ready' }>;

export type Choice = { readonly backend: Backend; readonly reason: string; readonly availability: Ready };

export type Probe = (backend: Backend) => Promise<Availability>;

/** Probes no more backends than it has to; fails with `backend-missing`, naming every fix, when none is ready. */
export async function chooseBackend(backends: readonly Backend[], wish: Wish, probe: Probe): Promise<Choice> {
  const candidates = candidatesOf(backends, wish);
  const refused: { title: string; id: string; availability: Exclude<Availability, Ready> }[] = [];
  let later: Choice | undefined;
  for (const { backend, reason } of candidates) {
    const availability = await availabilityOf(backend, wish, probe);
    if (availability.kind !== 'ready') {
      refused.push({ title: backend.manifest.title, id: backend.manifest.id, availability });
      continue;
    }
    const drawback = candidates.length === 1 ? undefined : await drawbackOf(backend, wish, availability);
    if (drawback === undefined) return { backend, reason, availability };
    later ??= { backend, reason: `${reason}, though ${drawback}`, availability };
  }
  if (later !== undefined) return later;
  return fail('backend-missing', describeRefusals(refused), {
    hint: hintOf(refused),
    data: { backends: refused.map(({ id, availability }) => ({ id, ...availability })) },
  });
}

/** What nobody expects who named no backend: a guest ten times slower than it could be, or a long download. */
async function drawbackOf(
  backend: Backend,
  { missingImage }: Wish,
  { capabilities }: Ready,
): Promise<string | undefined> {
  if (capabilities.emulated === true) return 'it has to emulate the processor';
  const image = await missingImage?.(backend);
  return image === undefined ? undefined : `its image ${image} has to be fetched first`;
}

/** What an id or alias stands for; an unknown one fails with what it could have meant. */
export function resolveBackend(backends: readonly Backend[], idOrAlias: string): Backend {
  const found = backends.find(({ manifest }) => namesOf(manifest).includes(idOrAlias));
  if (found !== undefined) return found;
  const known = backends.map(backend => backend.manifest.id);
  const meant = nearest(
    idOrAlias,
    backends.flatMap(backend => namesOf(backend.manifest)),
  );
  const [closest] = meant;
  return fail('backend-unknown', `this version has no backend "${idOrAlias}"`, {
    hint:
      closest === undefined
        ? `available are: ${known.join(', ')}`
        : `did you mean ${closest}? available are: ${known.join(', ')}`,
    data: { asked: idOrAlias, known, suggestions: meant },
  });
}

/** In the order in which they are tried; a named backend is the only one. */
function candidatesOf(backends: readonly Backend[], wish: Wish): { backend: Backend; reason: string }[] {
  if (wish.explicit !== undefined) {
    return [{ backend: resolveBackend(backends, wish.explicit), reason: 'asked for by name' }];
  }
  if (wish.setting !== undefined) {
    return [
      { backend: resolveBackend(backends, wish.setting), reason: 'set as backend_type in the settings' },
    ];
  }
  const rankOf = (backend: Backend): number => backend.manifest.rank[wish.purpose];
  const ranked = backends
    .filter(backend => rankOf(backend) > 0)
    .sort((left, right) => rankOf(right) - rankOf(left));
  return ranked.map(backend => ({ backend, reason: reasonOf(wish.purpose) }));
}

function reasonOf(purpose: Purpose): string {
  return purpose === 'worktree'
    ? 'the strongest that is ready on this machine'
    : 'the quickest to start that is ready on this machine';
}

async function availabilityOf(backend: Backend, wish: Wish, probe: Probe): Promise<Availability> {
  const { title, hosts } = backend.manifest;
  const { platform, arch } = wish.host;
  const fits = hosts.some(host => host.platform === platform && host.arch.includes(arch));
  if (!fits) return { kind: 'unsupported', why: `${title} does not run on ${platform} ${arch}` };
  return probe(backend);
}

type Refusal = { title: string; id: string; availability: Exclude<Availability, Ready> };

function describeRefusals(refused: readonly Refusal[]): string {
  if (refused.length === 0) return 'no backend can be chosen for this purpose';
  const each = refused.map(({ id, availability }) =>
    availability.kind === 'missing' ? `${id}: ${availability.what}` : `${id}: ${availability.why}`,
  );
  return refused.length === 1 ? each.join('') : `no backend is ready: ${each.join('; ')}`;
}

function hintOf(refused: readonly Refusal[]): string | undefined {
  const fixes = refused.flatMap(({ id, availability }) =>
    availability.kind === 'missing'
      ? [refused.length === 1 ? availability.fix : `${id}: ${availability.fix}`]
      : [],
  );
  return fixes.length === 0 ? 'heyvm doctor shows what each backend needs' : fixes.join('; ');
}

function namesOf(manifest: Manifest): readonly string[] {
  return [manifest.id, ...manifest.aliases];
}
