// Where a project may have a devcontainer.json.

/** The folder of devcontainers, and below it one folder for each where there are several. */
export const DEVCONTAINER_FOLDER = '.devcontainer';
export const DEVCONTAINER_NAME = 'devcontainer.json';

/** In the order in which they are looked for, before the folders of their own. */
export const DEVCONTAINER_FILES: readonly string[] = [
  `${DEVCONTAINER_FOLDER}/${DEVCONTAINER_NAME}`,
  `.${DEVCONTAINER_NAME}`,
];
