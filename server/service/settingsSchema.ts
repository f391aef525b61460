// The settings as somebody who writes them is helped with: what any backend may be told, from what its manifest says.
import * as z from 'zod/mini';
import { backends } from '../backends/registry.ts';
import type { Manifest } from '../core/backend.ts';
import { described } from '../protocol/described.ts';
import { Settings } from '../store/settings.ts';

const ids = backends.flatMap(({ manifest }) => [manifest.id, ...manifest.aliases]);

/** Stricter than what is read: a backend that this version does not have is a slip of the hand more often than not. */
export const WrittenSettings = z.extend(Settings, {
  backend_type: z.optional(described(z.enum(ids), 'The backend when a command names none, by its id.')),
  backends: z.optional(
    described(
      z.strictObject(Object.fromEntries(backends.map(({ manifest }) => [manifest.id, ownPart(manifest)]))),
      'Options of each backend, by its id.',
    ),
  ),
});

/** The image is a setting of every backend that has images, and no driver's own. */
function ownPart({ title, options, capabilities, defaultImage }: Manifest) {
  const schema = options();
  const own = schema instanceof z.ZodMiniObject ? schema.shape : {};
  const usual = defaultImage === undefined ? '' : `; ${defaultImage} when it is left out`;
  const image = {
    image: z.optional(
      described(z.string(), `What its guests run from when a command names no image${usual}.`),
    ),
  };
  const shape = (capabilities.images ?? []).length === 0 ? own : { ...own, ...image };
  return z.optional(described(z.strictObject(shape), `Options of ${title}.`));
}
