// settings.json as editors are told about it: the schema that it is read by, with what each backend may be told.
import { problemsOf, unknownKey } from '../project/issues.ts';
import { readJsonText } from '../project/jsonText.ts';
import type { FileKind } from '../project/language/answers.ts';
import { jsonLanguage } from '../project/language/json.ts';
import { parseWithIssues } from '../protocol/parse.ts';
import { WrittenSettings } from '../service/settingsSchema.ts';

export const settingsKind: FileKind = {
  language: jsonLanguage,
  schema: WrittenSettings,
  problemsIn: text => {
    const json = readJsonText(text);
    if (!json.ok) return json.problems;
    const { spans, value } = json;
    const parsed = parseWithIssues(WrittenSettings, value);
    if (!parsed.ok) return parsed.issues.flatMap(issue => problemsOf(WrittenSettings, spans, issue));
    const known = Object.keys(WrittenSettings.shape);
    return Object.keys(parsed.value)
      .filter(key => !known.includes(key) && key !== '$schema')
      .map(key => unknownKey(WrittenSettings, spans, { path: [], key }));
  },
};
