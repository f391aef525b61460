// The image that a project builds for itself.
import { createHash } from 'node:crypto';
import { fail } from '../core/errors.ts';
import type { SandboxSpec } from '../protocol/sandbox.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { isWithin, realPlace } from './folders.ts';
import type { LoadedProject } from './projectFile.ts';

/** Unchanged input answers at once. */
export async function specWithImage(
  deps: ServiceDeps,
  { build, folder, spec }: LoadedProject,
  context: CallContext,
): Promise<SandboxSpec> {
  if (build === undefined) return spec;
  const { imageHandlers } = await import('./images.ts');
  const name = `project-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  const asked = {
    file: await within(folder, build.dockerfile),
    context: await within(folder, build.context),
    name,
    ...(build.arguments === undefined ? {} : { arguments: build.arguments }),
    ...(build.target === undefined ? {} : { target: build.target }),
  };
  await imageHandlers(deps)['image/build'](asked, context);
  return { ...spec, image: name };
}

/** A link out of the project would send files of this machine to the builder. */
async function within(folder: string, path: string): Promise<string> {
  const real = await realPlace(`${folder}/${path}`);
  if (isWithin(real, folder)) return real;
  return fail('policy-refused', `${path} is not in the folder of the project`, {
    hint: `move it into ${folder}`,
  });
}
