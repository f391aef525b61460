// The project's own file as editors are told about it.
import { ProjectFile } from '../../protocol/projectFile.ts';
import { parseProject } from '../parse.ts';
import type { FileKind } from './answers.ts';
import { yamlLanguage } from './yaml.ts';

export const projectKind: FileKind = {
  language: yamlLanguage,
  schema: ProjectFile,
  problemsIn: text => {
    const parsed = parseProject(text);
    return parsed.ok ? [] : parsed.problems;
  },
};
