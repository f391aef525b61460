// Reads the text of a devcontainer.json as a project file, or says of everything that is wrong where it stands.
import { parseWithIssues } from '../../protocol/parse.ts';
import { type FileProblem, ProjectFile } from '../../protocol/projectFile.ts';
import { problemsOf } from '../issues.ts';
import { readJsonText } from '../jsonText.ts';
import { DevcontainerFile } from './file.ts';
import { type Place, type Translated, translate } from './translate.ts';

export type ParsedDevcontainer =
  | ({ readonly ok: true } & Translated)
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

export function parseDevcontainer(text: string, place: Place): ParsedDevcontainer {
  const json = readJsonText(text);
  if (!json.ok) return json;
  const { spans } = json;
  const said = parseWithIssues(DevcontainerFile, json.value);
  if (!said.ok) {
    return { ok: false, problems: said.issues.flatMap(issue => problemsOf(DevcontainerFile, spans, issue)) };
  }
  const translated = translate(said.value, place);
  // What is right there may be wrong here, such as the name of an extension.
  const file = parseWithIssues(ProjectFile, translated.file);
  if (file.ok) return { ok: true, ...translated, file: file.value };
  const start = spans.value([]).start;
  return {
    ok: false,
    problems: file.issues
      .flatMap(issue => problemsOf(ProjectFile, spans, issue))
      .map(problem => ({
        ...problem,
        start,
        end: start,
      })),
  };
}
