// What a person is told before an agent makes something new.
import { strict as assert } from 'node:assert';
import { describeTool } from './describe.ts';

describe('a tool that is described', () => {
  const facts = async (input: object) => {
    const call = () => assert.fail('nothing has to be asked');
    const { signal } = new AbortController();
    return (await describeTool({ name: 'create_sandbox', input }, call, signal)).facts;
  };

  it('says what a new sandbox may reach, also when the agent does not', async () => {
    const unsaid = await facts({ branch: 'feature' });
    assert.match(unsaid.find(({ name }) => name === 'network')?.value ?? '', /settings/);
    assert.deepEqual(
      (await facts({ network: 'open' })).filter(({ name }) => name === 'network'),
      [{ name: 'network', value: 'open' }],
    );
  });
});
