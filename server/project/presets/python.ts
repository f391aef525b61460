// A project in Python.
import type { ProjectPreset } from '../../core/projectPreset.ts';
import { HEAD, TAIL } from './text.ts';

export const pythonPreset: ProjectPreset = {
  name: 'python',
  about: 'a project in Python',
  signs: ['pyproject.toml', 'requirements.txt', 'setup.py', 'Pipfile'],
  files: [
    {
      path: '.heyvm/sandbox.yaml',
      content: `${HEAD}
runtime: python

# Run once inside, when the sandbox is new; packages from an index need network: open.
# setup:
#   - python3 -m venv .venv
#   - .venv/bin/pip install -r requirements.txt

# What heyvm up starts, and when it counts as started.
# command: python3 -m http.server 8000
# ports: [8000]
# ready: { port: 8000 }
${TAIL}`,
    },
  ],
};
