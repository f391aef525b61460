// The keys of a devcontainer.json that heyvm does not follow, each with what there is in its place.
import type { Unfollowed } from '../../protocol/projectFile.ts';
import { DevcontainerFile } from './file.ts';

/** They name or describe, or are what heyvm does anyway. */
const harmless = ['$schema', 'name', 'waitFor', 'init'];

const COMPOSE = 'one sandbox is one guest, and Compose describes several';
const WALL = 'it would weaken the wall around the sandbox';
const SETTINGS = "the workspace's .vscode/settings.json holds settings of the editor";

const reasons: Readonly<Record<string, string>> = {
  features: 'a Dockerfile can install what they would',
  overrideFeatureInstallOrder: 'there are no features here',
  dockerComposeFile: COMPOSE,
  service: COMPOSE,
  runServices: COMPOSE,
  runArgs: 'they are options of one engine; image, mounts, ports and limits are set by keys of their own',
  privileged: WALL,
  capAdd: WALL,
  securityOpt: WALL,
  updateRemoteUserUID: 'programs inside always have the numbers of that owner',
  userEnvProbe: 'variables come from the image and from this file alone',
  initializeCommand: 'it would run on this machine, outside of the sandbox',
  postAttachCommand: 'nothing runs because somebody connects',
  hostRequirements: 'nothing checks them',
  portsAttributes: 'ports have no attributes here',
  otherPortsAttributes: 'ports have no attributes here',
  overrideCommand: "the image's own command is never started",
  shutdownAction: 'a sandbox runs until it is stopped or expires',
  secrets: 'nothing asks for them; put them where programs inside find them',
  settings: SETTINGS,
};

/** What of a key is followed alone in some of its values, or has keys of its own. */
const inside: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  build: {
    cacheFrom: 'builders keep caches of their own',
    options: 'they are options of one builder',
  },
  'customizations.vscode': { settings: SETTINGS },
};

export function unfollowedKeys(file: DevcontainerFile): Unfollowed[] {
  const followed = Object.keys(DevcontainerFile.shape);
  return [
    ...Object.keys(file).flatMap(key => {
      if (harmless.includes(key) || isAnyway(file, key)) return [];
      const why = reasons[key];
      if (why !== undefined) return [{ what: key, why }];
      return followed.includes(key) ? [] : [{ what: key, why: 'heyvm does not know this key' }];
    }),
    ...within('build', file.build, ['dockerfile', 'context', 'args', 'target']),
    ...within('customizations.vscode', file.customizations?.vscode, ['extensions']),
  ];
}

/** Said, and done in any case. */
function isAnyway(file: DevcontainerFile, key: string): boolean {
  return (
    (key === 'updateRemoteUserUID' && file[key] === true) ||
    (key === 'overrideCommand' && file[key] === true) ||
    (key === 'privileged' && file[key] === false)
  );
}

function within(
  name: string,
  value: Readonly<Record<string, unknown>> | undefined,
  followed: readonly string[],
): Unfollowed[] {
  return Object.keys(value ?? {})
    .filter(key => !followed.includes(key))
    .map(key => ({ what: `${name}.${key}`, why: inside[name]?.[key] ?? 'heyvm does not know this key' }));
}
