// A project with a package.json.
import type { ProjectPreset } from '../../core/projectPreset.ts';
import { HEAD, TAIL } from './text.ts';

export const nodePreset: ProjectPreset = {
  name: 'node',
  about: 'a project with a package.json',
  signs: ['package.json'],
  files: [
    {
      path: '.heyvm/sandbox.yaml',
      content: `${HEAD}
runtime: node

# Run once inside, when the sandbox is new; packages from a registry need network: open.
# setup:
#   - npm ci

# What heyvm up starts, and when it counts as started.
# command: npm start
# ports: [3000]
# ready: { port: 3000 }
${TAIL}`,
    },
  ],
};
