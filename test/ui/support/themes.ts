// The themes in which every view is looked at.

export const themes = {
  light: 'Default Light Modern',
  dark: 'Default Dark Modern',
  'high-contrast': 'Default High Contrast',
  'high-contrast-light': 'Default High Contrast Light',
} as const;

export type Theme = keyof typeof themes;

export const themeNames = Object.keys(themes) as readonly Theme[];

/** Settings under which a window has this theme, whatever the machine prefers. */
export function themed(theme: Theme): Readonly<Record<string, unknown>> {
  return {
    'workbench.colorTheme': themes[theme],
    'window.autoDetectColorScheme': false,
    'window.autoDetectHighContrast': false,
  };
}
