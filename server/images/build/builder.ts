// What a builder of Dockerfiles is given and gives, whichever it is.
import type { ImageConfig, ImageManifest } from '../../protocol/image.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import type { Context } from './contextFiles.ts';
import type { FolderNode } from './rootTree.ts';
import type { Draft } from './tarDraft.ts';

export type BuildInput = {
  readonly dockerfile: string;
  readonly context: Context;
  /** The folder that the context was read from. */
  readonly folder: string;
  readonly arguments: Readonly<Record<string, string>>;
  /** The stage to build; the last one when it is absent. */
  readonly target?: string | undefined;
  /** Images of our own store that the Dockerfile begins with, by the names in it. */
  readonly bases: ReadonlyMap<string, ImageManifest>;
  /** For files on the way, which the tree may refer to; the caller removes it. */
  readonly scratch: string;
};

export type Built = {
  readonly root: FolderNode;
  /** What of it is written already, where the builder gave it out as an archive. */
  readonly draft?: Draft;
  readonly config: ImageConfig;
  /** Files outside the scratch folder that the tree refers to, for the caller to remove. */
  readonly files: readonly string[];
};

export type Builder = {
  readonly name: string;
  build(input: BuildInput, call: ImageCall): Promise<Built>;
};

/** Found out by asking the builder; `absent` says why it cannot work here. An engine that is named is the only one tried. */
export type FindBuilder = (
  deps: ImageDeps,
  call: ImageCall,
  connect?: string,
) => Promise<Builder | { readonly absent: string }>;
