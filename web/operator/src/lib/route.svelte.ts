// Which page is shown: what stands behind the # of the address, so that it can be kept, sent and gone back from.

export const PAGES = ['overview', 'alarms', 'users', 'groups', 'messages', 'storage', 'live'] as const;
export type Page = (typeof PAGES)[number];

class Route {
  page = $state<Page>('overview');
  /** What is looked at on it: parts between slashes. */
  rest = $state<string[]>([]);

  constructor() {
    this.read();
    addEventListener('hashchange', () => this.read());
  }

  private read(): void {
    const parts = location.hash.replace(/^#\/?/, '').split('/').map(decoded);
    const page = PAGES.find((name) => name === parts[0]);
    this.page = page ?? 'overview';
    this.rest = page === undefined ? [] : parts.slice(1).filter((part) => part !== '');
  }
}

export const route = new Route();

export function href(page: Page, ...rest: (string | number)[]): string {
  return `#/${[page, ...rest].map((part) => encodeURIComponent(part)).join('/')}`;
}

export function go(page: Page, ...rest: (string | number)[]): void {
  location.hash = href(page, ...rest);
}

/** An address that somebody typed may hold anything. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
