// The keys that a schema knows at a place in a file, for people who mistype one and for editors that complete them.
import type * as z from 'zod/mini';

type Schema = z.core.$ZodType;

export function knownKeys(schema: Schema, path: readonly PropertyKey[]): readonly string[] {
  const [step, ...rest] = path;
  if (step === undefined) return shapesOf(schema).flatMap(shape => Object.keys(shape));
  const inside = [...shapesOf(schema).flatMap(shape => shape[String(step)] ?? []), ...elementsOf(schema)];
  return inside.flatMap(next => knownKeys(next, rest));
}

/** Of the schema itself, and of whatever it wraps or chooses from. */
function shapesOf(schema: Schema): readonly Readonly<Record<string, Schema>>[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'object') return [def.shape];
  return innerOf(schema).flatMap(shapesOf);
}

function elementsOf(schema: Schema): readonly Schema[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'array') return [def.element];
  if (def.type === 'record') return [def.valueType];
  return innerOf(schema).flatMap(elementsOf);
}

function innerOf(schema: Schema): readonly Schema[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'union') return def.options;
  return def.type === 'optional' || def.type === 'default' ? [def.innerType] : [];
}
