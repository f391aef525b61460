// Makes a container from a request in the engine's own words, and asks for its removal.
import type Docker from 'dockerode';
import { fail } from '../core/errors.ts';
import { accepting, type Engine, EngineRefusal } from './engine.ts';

/** The id. Without `_query` dockerode would write the whole request into the address as well, secrets included. */
export async function createContainer(engine: Engine, body: object, name?: string): Promise<string> {
  const wanted: Docker.ContainerCreateOptions & { readonly _query: object; readonly _body: object } = {
    _query: name === undefined ? {} : { name },
    _body: body,
  };
  const { id } = await engine.call('make a container', docker => docker.createContainer(wanted));
  if (typeof id === 'string') return id;
  return fail('version-mismatch', 'the engine made a container without an id');
}

/** Also one that runs; what is gone already is no refusal. The answer is the refusal when somebody else removes it now. */
export async function discardContainer(
  engine: Engine,
  name: string,
  signal?: AbortSignal,
): Promise<EngineRefusal | undefined> {
  const options = { force: true, v: true };
  const request = engine.call(
    'remove a container',
    docker => docker.getContainer(name).remove(options),
    signal,
  );
  const refused = await accepting([404, 409], request);
  return refused instanceof EngineRefusal && refused.status === 409 ? refused : undefined;
}
