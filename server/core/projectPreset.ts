// What a preset of a project consists of, whoever brings it.

export type PresetFile = {
  /** From the project's folder, with `/`. */
  readonly path: string;
  readonly content: string;
  /** Scripts can be run. */
  readonly kind?: 'script';
};

export type ProjectPreset = {
  readonly name: string;
  readonly about: string;
  /** The names of files by which a folder shows that this preset fits. */
  readonly signs: readonly string[];
  readonly files: readonly PresetFile[];
  /** What to run in the folder before `heyvm up` finds all it needs. */
  readonly first?: string;
};
