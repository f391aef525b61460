// The helper's entry point: the service behind a language server on stdin and stdout.
import { createConnection } from 'vscode-languageserver/node';
import { claimStdout } from '../helper/protocolOutput.ts';
import { serveHelper } from '../helper/serve.ts';
import { bundle } from '../platform/bundle.ts';
import { createService } from '../service/service.ts';
import { watchStore } from '../service/watch.ts';
import { pathsOf } from '../store/paths.ts';

const paths = pathsOf(process.env);
const { call } = createService({ paths, env: process.env });

// Standard input ends when the window goes, however it goes; the connection then ends this process.
serveHelper({
  connection: createConnection(process.stdin, claimStdout()),
  call,
  build: bundle.build,
  paths,
  watch: changed => watchStore(paths, changed),
});
