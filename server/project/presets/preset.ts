// What a preset consists of.

export type PresetFile = {
  /** From the project's folder, with `/`. */
  readonly path: string;
  readonly content: string;
  /** Scripts can be run. */
  readonly kind?: 'script';
};

export type Preset = {
  readonly name: string;
  readonly about: string;
  /** The names of files by which a folder shows that this preset fits. */
  readonly signs: readonly string[];
  readonly files: readonly PresetFile[];
};
