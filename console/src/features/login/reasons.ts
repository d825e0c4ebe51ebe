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
  oidc_provider_away: "The identity provider does not answer. Try again in a moment.",
};

export function reasonOf(code: string): string {
  return REASONS[code] ?? `The provider's answer was not accepted (${code}). Start again, or ask an administrator.`;
}
