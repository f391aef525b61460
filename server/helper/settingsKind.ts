// settings.json as editors are told about it: the schema that it is read by.

import { problemsOf, unknownKey } from '../project/issues.ts';
import { readJsonText } from '../project/jsonText.ts';
import type { FileKind } from '../project/language/answers.ts';
import { jsonLanguage } from '../project/language/json.ts';
import { parseWithIssues } from '../protocol/parse.ts';
import { Settings } from '../store/settings.ts';

export const settingsKind: FileKind = {
  language: jsonLanguage,
  schema: Settings,
  problemsIn: text => {
    const json = readJsonText(text);
    if (!json.ok) return json.problems;
    const { spans, value } = json;
    const parsed = parseWithIssues(Settings, value);
    if (!parsed.ok) return parsed.issues.flatMap(issue => problemsOf(Settings, spans, issue));
    const known = Object.keys(Settings.shape);
    return Object.keys(parsed.value)
      .filter(key => !known.includes(key) && key !== '$schema')
      .map(key => unknownKey(Settings, spans, { path: [], key }));
  },
};
