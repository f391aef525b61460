// The command line's entry point.

/** The owner that these will need loads its program while they load theirs. */
const makers = ['create', 'restart', 'run', 'start', 'wt'];

async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const early = makers.some(name => name === argv[0]) ? await expected(env) : undefined;
  const { main } = await import('../cli/main.ts');
  return main(argv, env, early);
}

async function expected(env: NodeJS.ProcessEnv) {
  const { expectOwner } = await import('../owner/candidate.ts');
  const { bundle } = await import('../platform/bundle.ts');
  const { pathsOf } = await import('../store/paths.ts');
  return expectOwner({ paths: pathsOf(env), env, bundle });
}

void main(process.argv.slice(2), process.env).then(code => process.exit(code));
