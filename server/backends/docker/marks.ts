// The names and labels by which everything of ours is found in an engine that others use as well.

/** Which sandbox of which store something belongs to. */
export type Mark = {
  readonly store: string;
  readonly sandbox: string;
  /** The driver's folder of the sandbox; what names a folder that is gone belongs to nobody. */
  readonly state: string;
};

export type Labels = Readonly<Record<string, string>>;

export const STORE = 'heyvm.store';
export const SANDBOX = 'heyvm.sandbox';
export const STATE = 'heyvm.state';
export const KIND = 'heyvm.kind';
export const PLAN = 'heyvm.plan';
export const DIGEST = 'heyvm.digest';

/** Also the lock: an engine gives a name to one container only. */
export function containerName({ store, sandbox }: Omit<Mark, 'state'>): string {
  return `heyvm-${store}-${sandbox}`;
}

/** Images of ours are tags of one repository for each store, which is never pushed. */
export function imageName(store: string, tag: string): string {
  return `heyvm-${store}:${tag}`;
}

/** Labels are inherited by what people build from an image of ours; its name is what only we give. Podman adds a host. */
export function isImageName(store: string, name: string): boolean {
  return plainName(name).startsWith(imageName(store, ''));
}

export function plainName(name: string): string {
  return name.replace(/^localhost\//, '');
}

export function sandboxLabels(mark: Mark): Labels {
  return { ...storeLabels(mark.store, 'sandbox'), [SANDBOX]: mark.sandbox, [STATE]: mark.state };
}

export function storeLabels(store: string, kind: 'sandbox' | 'look' | 'image' | 'snapshot'): Labels {
  return { [STORE]: store, [KIND]: kind };
}
