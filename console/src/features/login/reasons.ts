/** Why a sign-in with an identity provider led back here. The server's log has the particulars. */
const REASONS: Record<string, string> = {
  oidc_denied: "You did not agree at the identity provider, or it did not let you.",
  oidc_domain: "Addresses of your domain are not let in here.",
  oidc_no_membership: "You are not a member of anything here yet. Ask an administrator to add you.",
  oidc_not_invited: "Only people who were added before are let in. Ask an administrator to add you.",
  oidc_disabled: "You are not let in any more. Ask an administrator.",
  oidc_other_identity: "Your address belongs to somebody who signs in another way. Sign in that way.",
  oidc_state: "This sign-in was begun in another browser, or used already. Start again.",
  oidc_late: "That took longer than ten minutes. Start again.",
  oidc_provider_off: "Nobody signs in with this provider any more. Choose another way, or ask an administrator.",
  oidc_provider_away: "The identity provider does not answer. Try again in a moment.",
};

export function reasonOf(code: string): string {
  const known = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  return known ?? `The provider's answer was not accepted (${code}). Start again, or ask an administrator.`;
}

interface Refusal {
  title: string;
  mend: string;
}

/** What the API says to a program is no help to who sits at the sign-in page: what went wrong there, and the way on. */
const REFUSALS: Record<string, Refusal> = {
  invalid_api_key: {
    title: "This key does not open this server.",
    mend: "Look whether it was copied whole, and is of this server; it may have been revoked. The admin key was printed when the server first started. Whoever has it can make you another, or a login link.",
  },
  expired_api_key: {
    title: "This key has expired.",
    mend: "Ask whoever runs this server for a new one.",
  },
  forbidden: {
    title: "This key calls models; it does not open the console.",
    mend: "Use an admin or a read-only key, or sign in with your company's account if there is a button for it.",
  },
  login_link_spent: {
    title: "This login link was used already, or its 15 minutes are over.",
    mend: "Ask for another, or paste a key.",
  },
  second_factor_wrong: {
    title: "This code is not the right one.",
    mend: "Codes change every 30 seconds: take the one that is shown now, and look at your phone's clock. A recovery code works once.",
  },
};

/** Null where the server's own words serve. */
export function refusalOf(code: string): Refusal | null {
  return REFUSALS[code] ?? null;
}
