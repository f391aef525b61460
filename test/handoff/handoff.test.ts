// An editor's server runs inside a sandbox of every backend that can run here as this user.
import { sharedDockerd } from '../../scripts/lib/daemons/daemons.ts';
import { handOffSuite } from './support/suite.ts';

describe('the hand-off over ssh', function () {
  this.timeout(180_000);
  handOffSuite({
    settings: async () => ({ backend_type: 'bubblewrap' }),
    image: 'none',
    look: 'browser',
    guest: 'goes with its owner',
  });
});

describe('the hand-off over ssh into a container', function () {
  this.timeout(180_000);
  handOffSuite({
    settings: async () => {
      const engine = await sharedDockerd();
      if (engine.kind === 'not run') return engine.why;
      return { backend_type: 'docker', backends: { docker: { connect: `unix://${engine.socket}` } } };
    },
    image: 'tests',
    look: 'browser',
    guest: 'outlives its owner',
  });
});
