// Which variables of a launch are seen in a list of processes: none that could be a secret.
import { strict as assert } from 'node:assert';
import { handedOver } from './handedOver.ts';

describe('variables of a launch', () => {
  it('go by the environment, out of everybody’s sight', () => {
    const handed = handedOver({ API_TOKEN: 'secret', tea: 'green' });
    assert.deepEqual(handed.words, ['--env', 'API_TOKEN', '--env', 'tea']);
    assert.deepEqual(handed.env, { API_TOKEN: 'secret', tea: 'green' });
  });

  it('do not change what starts the program', () => {
    const handed = handedOver({ NODE_OPTIONS: '--enable-source-maps', PATH: '/bin' });
    assert.deepEqual(handed.words, ['--env', 'NODE_OPTIONS=--enable-source-maps', '--env', 'PATH=/bin']);
    assert.deepEqual(handed.env, {});
  });
});
