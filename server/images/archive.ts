// Reads container images from an archive: the OCI layout and the older form of docker save.
import { rm } from 'node:fs/promises';
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import type { ImageConfig, ImageManifest } from '../protocol/image.ts';
import { parseJson } from '../protocol/parse.ts';
import { hashFile, incomingPath } from './blobs.ts';
import { bytesOf } from './build/content.ts';
import { type FolderNode, type Node, newRoot, resolve } from './build/rootTree.ts';
import { readTar } from './build/tarRead.ts';
import { configOf, RawConfig } from './containerConfig.ts';
import { cutOut } from './cutOut.ts';
import type { ImageCall } from './deps.ts';
import { applyLayer } from './layers.ts';
import type { StorePaths } from './layout.ts';
import { unpacked } from './unpack.ts';

export type ContainerImage = {
  readonly root: FolderNode;
  readonly config: ImageConfig;
  readonly arch: ImageManifest['arch'];
  /** The files that the tree's bytes are in, for the caller to remove. */
  readonly scratch: readonly string[];
};

const Descriptor = z.object({
  mediaType: z.optional(z.string()),
  digest: z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/)),
  platform: z.optional(z.object({ architecture: z.string(), os: z.string() })),
});
const Index = z.object({ manifests: z.array(Descriptor) });
const Manifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });
const DockerIndex = z.array(z.object({ Config: z.string(), Layers: z.array(z.string()) }));
const Config = z.object({ architecture: z.string(), config: z.nullish(RawConfig) });

const architectures = { amd64: 'x64', arm64: 'arm64' } as const;
const ownArchitecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

export function isContainerArchive(tree: FolderNode): boolean {
  return tree.children.has('index.json') || tree.children.has('manifest.json');
}

/** `tree` is that of the archive itself. */
export async function readContainerArchive(
  paths: StorePaths,
  tree: FolderNode,
  call: ImageCall,
): Promise<ContainerImage> {
  const parts = tree.children.has('index.json') ? await ociParts(tree) : await dockerParts(tree);
  const config = parsed(Config, (await bytesOf(fileIn(tree, parts.config).content)).toString(), parts.config);
  const arch = Object.entries(architectures).find(([name]) => name === config.architecture)?.[1];
  if (arch === undefined) broken(`is for ${config.architecture}, which no backend runs`);
  const root = newRoot();
  const scratch: string[] = [];
  try {
    for (const [index, layer] of parts.layers.entries()) {
      call.progress({
        phase: 'laying the layers over each other',
        percent: (100 * index) / parts.layers.length,
      });
      applyLayer(root, readTar(await layerFile(paths, { tree, layer, scratch }, call)));
    }
  } catch (error) {
    await Promise.all(scratch.map(path => rm(path, { force: true })));
    throw error;
  }
  return { root, arch, config: configOf(config.config ?? {}), scratch };
}

type Layer = { readonly path: string; readonly digest?: string };
type Parts = { readonly config: string; readonly layers: readonly Layer[] };

async function ociParts(tree: FolderNode): Promise<Parts> {
  let path = 'index.json';
  // An index may point to another one, as for several architectures.
  for (let depth = 0; depth < 4; depth += 1) {
    const text = (await bytesOf(fileIn(tree, path).content)).toString();
    const manifest = parseJson(Manifest, text);
    if (manifest.ok) {
      const { config, layers } = manifest.value;
      return {
        config: blobOf(config.digest),
        layers: layers.map(({ digest }) => ({ path: blobOf(digest), digest })),
      };
    }
    const { manifests } = parsed(Index, text, path);
    const fitting = manifests.find(({ platform }) => platform?.architecture === ownArchitecture);
    const chosen = fitting ?? manifests.find(({ platform }) => platform === undefined) ?? manifests[0];
    if (chosen === undefined) broken('lists no image');
    path = blobOf(chosen.digest);
  }
  return broken('refers to itself');
}

async function dockerParts(tree: FolderNode): Promise<Parts> {
  const text = (await bytesOf(fileIn(tree, 'manifest.json').content)).toString();
  const images = parsed(DockerIndex, text, 'manifest.json');
  const [first, ...others] = images;
  if (first === undefined) broken('lists no image');
  if (others.length > 0) {
    fail('usage', `the archive has ${images.length} images`, {
      hint: 'save the one that you mean by itself',
    });
  }
  return { config: first.Config, layers: first.Layers.map(path => ({ path })) };
}

type LayerPlace = { readonly tree: FolderNode; readonly layer: Layer; readonly scratch: string[] };

/** A layer is an archive in the archive; compressed or not, it becomes a file of its own and is checked first. */
async function layerFile(
  paths: StorePaths,
  { tree, layer, scratch }: LayerPlace,
  call: ImageCall,
): Promise<string> {
  const { content } = fileIn(tree, layer.path);
  const cut = await incomingPath(paths, 'layer');
  scratch.push(cut);
  await cutOut(content, cut, call.signal);
  if (layer.digest !== undefined && (await hashFile(cut, { signal: call.signal })).digest !== layer.digest) {
    broken(`has a layer that is not what its digest says (${layer.digest})`);
  }
  const plain = await unpacked(paths, cut, call);
  if (plain === cut) return cut;
  scratch.push(plain);
  await rm(cut, { force: true });
  return plain;
}

function blobOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function fileIn(tree: FolderNode, path: string): Extract<Node, { kind: 'file' }> {
  const node = resolve(tree, path);
  return node?.kind === 'file' ? node : broken(`has no ${path}`);
}

function parsed<S extends z.ZodMiniType>(schema: S, text: string, path: string): z.output<S> {
  const result = parseJson(schema, text);
  return result.ok ? result.value : broken(`has a ${path} that cannot be read: ${result.problem}`);
}

function broken(why: string): never {
  return fail('image-broken', `the container image ${why}`, {
    hint: 'save it again, for example with skopeo or docker save',
  });
}
