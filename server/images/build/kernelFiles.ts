// The kernel of a root file system: which one it boots, and how one is put into it that brought none.
import { bytesOf } from './content.ts';
import { chooseModules, guestModules, type Module, type ModuleDeps } from './modules.ts';
import { type FolderNode, fileOf, find, metaOf, put, resolve } from './rootTree.ts';
import { isBzImage } from './vmlinux.ts';

export type OwnKernel = {
  readonly version: string;
  readonly image: Buffer;
  /** The folder with the modules of this version. */
  readonly modules: FolderNode;
};

/** The newest kernel in /boot that has its modules beside it; undefined when there is none. */
export async function kernelOf(root: FolderNode): Promise<OwnKernel | undefined> {
  const boot = resolve(root, 'boot');
  if (boot?.kind !== 'folder') return undefined;
  const versions = [...boot.children.keys()]
    .map(name => /^vmlinuz-(.+)$/.exec(name)?.[1])
    .filter(version => version !== undefined)
    .sort(versionOrder.compare)
    .reverse();
  for (const version of versions) {
    const file = resolve(root, `boot/vmlinuz-${version}`);
    const modules = modulesFolder(root, version);
    if (file?.kind !== 'file' || modules === undefined) continue;
    const image = await bytesOf(file.content);
    if (isBzImage(image)) return { version, image, modules };
  }
  return undefined;
}

/** Puts a kernel and the modules that guests need, unpacked, into a root file system. */
export async function addKernel(
  deps: ModuleDeps,
  root: FolderNode,
  { version, image, modules }: OwnKernel,
): Promise<void> {
  const chosen = await chooseModules(deps, modules, guestModules);
  put(root, `boot/vmlinuz-${version}`, fileOf(image, 0o644));
  const base = find(root, 'lib')?.kind === 'folder' ? 'lib' : 'usr/lib';
  const folder = `${base}/modules/${version}`;
  for (const { path, bytes } of chosen) put(root, `${folder}/${path}`, fileOf(bytes));
  for (const name of indexFiles) {
    const file = find(modules, name);
    if (file?.kind === 'file') put(root, `${folder}/${name}`, { ...file, meta: metaOf(0o644) });
  }
  put(root, `${folder}/modules.dep`, fileOf(dependencies(chosen)));
  put(root, `${folder}/modules.alias`, fileOf(aliases(chosen)));
}

/** What the kernel's build left beside the modules and modprobe reads. */
const indexFiles = ['modules.builtin', 'modules.builtin.modinfo', 'modules.order'];

/** Runs of digits count as numbers. */
const versionOrder = new Intl.Collator('en', { numeric: true });

function modulesFolder(root: FolderNode, version: string): FolderNode | undefined {
  for (const base of ['usr/lib/modules', 'lib/modules']) {
    const folder = resolve(root, `${base}/${version}`);
    if (folder?.kind === 'folder' && folder.children.has('kernel')) return folder;
  }
  return undefined;
}

/** The text form, which modprobe reads where the binary one is absent. */
function dependencies(modules: readonly Module[]): string {
  const paths = new Map(modules.map(({ name, path }) => [name, path]));
  const all = (module: Module): string[] => {
    const needed = modules.filter(({ name }) => module.needs.includes(name));
    return [...needed.map(({ name }) => name), ...needed.flatMap(all)];
  };
  return modules
    .map(
      module => `${module.path}:${[...new Set(all(module))].map(name => ` ${paths.get(name)}`).join('')}\n`,
    )
    .join('');
}

function aliases(modules: readonly Module[]): string {
  return modules.flatMap(({ name, aliases: all }) => all.map(alias => `alias ${alias} ${name}\n`)).join('');
}
