// What programs of the host are told of our own environment.

const passedOn = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER', 'SYSTEMROOT'];

/** Enough to find programs and to speak the person's language; never what could be a secret. */
export function allowedEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const allowed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (passedOn.includes(name) || name.startsWith('LC_'))) allowed[name] = value;
  }
  return allowed;
}
