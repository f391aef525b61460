// An editor's server runs inside a Debian machine and is reached over ssh.

import { ciImage } from '../../scripts/lib/ciImage.ts';
import { findBackend } from '../../server/backends/registry.ts';
import { handOffSuite } from '../handoff/support/suite.ts';
import { whyNot } from '../isolation/support/target.ts';

describe('the hand-off over ssh into a machine', function () {
  this.timeout(300_000);
  handOffSuite({
    settings: async () =>
      (await whyNot(findBackend('libvirt'))) ?? {
        backend_type: 'libvirt',
        backends: { libvirt: { image: ciImage } },
      },
    image: 'tests',
    look: 'pages',
    guest: 'outlives its owner',
  });
});
