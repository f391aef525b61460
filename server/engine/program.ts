// The command line program of container engines: what it is called, and by which variables it finds an engine.

/** The name of a program on people's machines; no backend is chosen by it. */
export const engineProgram = 'docker';

/** What the program is told by its environment, for whoever runs it. */
export const engineVariables = [
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_CONFIG',
  'DOCKER_CERT_PATH',
  'DOCKER_TLS_VERIFY',
] as const;
