// Who is at the page: the operator's token, kept for this tab until it is closed or the operator signs out.

const KEY = 'highwater.operator.token';

export interface Operator {
  name: string;
  role: string;
}

class Session {
  token = $state(sessionStorage.getItem(KEY));
  /** Who the token belongs to; nothing before the server has said so. */
  operator = $state<Operator | null>(null);
  /** The server has refused the token that was used last. */
  refused = $state(false);

  begin(token: string): void {
    sessionStorage.setItem(KEY, token);
    this.token = token;
    this.refused = false;
  }

  /** Signing out, or a token that is not good: in both cases it is forgotten. */
  end(refused: boolean): void {
    sessionStorage.removeItem(KEY);
    this.token = null;
    this.operator = null;
    this.refused = refused;
  }
}

export const session = new Session();
