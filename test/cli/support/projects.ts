// Folders with files of projects in the world of a test, and what is done with them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { makeWorld, needEngine, type Outcome, type World } from './world.ts';

export type Up = {
  readonly sandbox: SandboxInfo;
  readonly created: boolean;
  readonly setup: string;
  readonly command: string;
};

export type Projects = {
  /** Once the suite has begun. */
  world(): World;
  /** A folder of its own with these files; an object is written as JSON. */
  project(files: Readonly<Record<string, object | string>>): string;
  up(folder: string, ...words: string[]): Promise<Outcome>;
  upJson(folder: string, ...words: string[]): Promise<Up>;
  inside(id: string, ...argv: string[]): Promise<string>;
};

/** Declares hooks: the world is there for the whole suite, which is not run where it cannot be. */
export function withProjects(): Projects {
  let made: World | undefined;
  let count = 0;
  before(async function () {
    needEngine(this);
    made = await makeWorld();
  });
  after(() => made?.end());
  const world = (): World => made as World;
  return {
    world,
    project(files) {
      count += 1;
      const folder = join(world().folder, `project-${count}`);
      for (const [path, content] of Object.entries(files)) write(join(folder, path), content);
      return folder;
    },
    up: (folder, ...words) => world().heyvm(['up', folder, '--detach', ...words]),
    upJson: async (folder, ...words) => (await world().json(['up', folder, ...words])) as Up,
    inside: async (id, ...argv) => (await world().heyvm(['exec', id, '--', ...argv])).stdout,
  };
}

export function write(path: string, content: object | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
}
