// Adds the external fakes to the backends of this program.
import { backends } from '../../../server/backends/registry.ts';
import type { Backend } from '../../../server/core/backend.ts';
import { fakeExternal } from '../fakeExternal.ts';

const fakes: readonly Backend[] = [fakeExternal(), fakeExternal({ id: 'fakeimg', images: ['oci'] })];

export function addFakes(): void {
  const all = backends as Backend[];
  for (const fake of fakes) if (!all.includes(fake)) all.push(fake);
}

export function removeFakes(): void {
  const all = backends as Backend[];
  for (const fake of fakes) if (all.includes(fake)) all.splice(all.indexOf(fake), 1);
}
