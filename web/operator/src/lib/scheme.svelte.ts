// Dark or light, as the system has it; charts are painted and have to be painted anew when it changes.

const dark = matchMedia('(prefers-color-scheme: dark)');

class Scheme {
  is_dark = $state(dark.matches);

  constructor() {
    dark.addEventListener('change', () => (this.is_dark = dark.matches));
  }
}

export const scheme = new Scheme();

/** A colour of the style sheet. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
