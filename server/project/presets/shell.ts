// Whatever else runs in a shell.
import type { ProjectPreset } from '../../core/projectPreset.ts';
import { HEAD, TAIL } from './text.ts';

export const shellPreset: ProjectPreset = {
  name: 'shell',
  about: 'anything that runs in a shell',
  signs: [],
  files: [
    {
      path: '.heyvm/sandbox.yaml',
      content: `${HEAD}
runtime: shell

# Run once inside, when the sandbox is new.
# setup:
#   - make

# What heyvm up starts, and when it counts as started.
# command: ./serve.sh
# ports: [8080]
# ready: { port: 8080 }
${TAIL}`,
    },
  ],
};
