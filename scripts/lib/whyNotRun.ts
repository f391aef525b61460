// Which test says why it is not run: one prints `not run: …` before it skips itself, or a hook does for its whole suite.
import type { Runner, Suite, Test } from 'mocha';

type Scope = Test | Suite;

/** From now on; answers with the reason of a test that is not run, if there was one. */
export function followReasons(runner: Runner): (test: Test) => string | undefined {
  const reasons = new Map<Scope, string>();
  let scope: Scope | undefined;
  runner.on('test', test => {
    scope = test;
  });
  runner.on('hook', hook => {
    if (hook.title.startsWith('"before all"')) scope = hook.parent;
  });
  const log = console.log;
  console.log = (...words: unknown[]) => {
    const [, why] = /^\s*not run: (.+)$/.exec(String(words[0])) ?? [];
    if (why !== undefined && scope !== undefined) reasons.set(scope, why);
    log(...words);
  };
  runner.on('end', () => {
    console.log = log;
  });
  return test => {
    for (let at: Scope | undefined = test; at !== undefined; at = at.parent) {
      const why = reasons.get(at);
      if (why !== undefined) return why;
    }
    return undefined;
  };
}
