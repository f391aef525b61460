// What a schema knows about a place in a file: for people who mistype a key, and for editors that complete and explain.
import * as z from 'zod/mini';

type Schema = z.core.$ZodType;
type Path = readonly PropertyKey[];

export type KnownKey = {
  readonly name: string;
  readonly about?: string | undefined;
  /** How its value is written. */
  readonly form: 'object' | 'array' | 'word';
};

export function knownKeys(schema: Schema, path: Path): readonly string[] {
  return keysAt(schema, path).map(({ name }) => name);
}

export function keysAt(schema: Schema, path: Path): readonly KnownKey[] {
  const shapes = schemasAt(schema, path).flatMap(shapesOf);
  return shapes.flatMap(shape =>
    Object.entries(shape).map(([name, value]) => ({ name, about: aboutOf(value), form: formOf(value) })),
  );
}

/** The words that may stand there, where there are only some. */
export function wordsAt(schema: Schema, path: Path): readonly string[] {
  return [...new Set(schemasAt(schema, path).flatMap(wordsOf))];
}

/** What is said about the key or value that stands there. */
export function aboutAt(schema: Schema, path: Path): string | undefined {
  return schemasAt(schema, path)
    .map(aboutOf)
    .find(about => about !== undefined);
}

function schemasAt(schema: Schema, path: Path): readonly Schema[] {
  const [step, ...rest] = path;
  if (step === undefined) return [schema];
  const inside = [...shapesOf(schema).flatMap(shape => shape[String(step)] ?? []), ...elementsOf(schema)];
  return inside.flatMap(next => schemasAt(next, rest));
}

function aboutOf(schema: Schema): string | undefined {
  return z.globalRegistry.get(schema)?.description ?? innerOf(schema).map(aboutOf).find(Boolean);
}

function formOf(schema: Schema): KnownKey['form'] {
  const { type } = (schema as z.core.$ZodTypes)._zod.def;
  if (type === 'object' || type === 'record') return 'object';
  if (type === 'array') return 'array';
  const forms = innerOf(schema).map(formOf);
  // Where a word will do, nobody is made to write more.
  return forms.includes('word') ? 'word' : (forms[0] ?? 'word');
}

function wordsOf(schema: Schema): readonly string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'enum') return Object.values(def.entries).map(String);
  if (def.type === 'literal') return def.values.map(String);
  if (def.type === 'boolean') return ['true', 'false'];
  return innerOf(schema).flatMap(wordsOf);
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
